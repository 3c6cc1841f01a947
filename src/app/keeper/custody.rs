//! The record in its storage, and the seals on what it holds.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    super::{
        keeper_record::Record,
        ports::{Clock, Entropy, HttpClient, StoreFault, TokenCache, TokenCustody, random},
    },
    Broken, Keeper,
    renewal::next_alarm,
};
use crate::secret::Secret;

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    pub(super) fn load(&self) -> Result<Record, Broken> {
        let unsaved = self.unsaved.borrow().clone();
        if let Some(unsaved) = &unsaved {
            self.custody.store(unsaved).map_err(|StoreFault| Broken)?;
            self.unsaved.replace(None);
        }
        let Some(stored) = self.custody.load().map_err(|StoreFault| Broken)? else {
            return Ok(Record::new(self.clock.now()));
        };
        // A record that cannot be read is left alone: writing over it would lose the grant.
        let (mut record, is_old) = Record::read(&stored, self.clock.now()).ok_or(Broken)?;
        // With what was not stored before, its alarm was not armed either.
        if self.reseal(&mut record)? || is_old || unsaved.is_some() {
            self.store(&record)?;
        }
        Ok(record)
    }

    /// Seals anew what is under the key before the present one, so that the operator can forget
    /// that key.
    fn reseal(&self, record: &mut Record) -> Result<bool, Broken> {
        let refresh_name = self.refresh_record();
        let candidate = record.candidate.as_mut().map(|one| &mut one.refresh);
        let tokens = [
            (refresh_name.as_str(), record.refresh.as_mut()),
            (refresh_name.as_str(), candidate),
            (self.record, record.access.as_mut()),
        ];
        let mut changed = false;
        for (name, token) in tokens {
            let Some(token) = token else { continue };
            let Ok(sealed) = STANDARD.decode(&*token) else {
                continue;
            };
            if self.sealer.is_present(&sealed) {
                continue;
            }
            if let Ok(opened) = self.sealer.open(name, &sealed) {
                *token = STANDARD.encode(self.seal(name, &opened)?);
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Stores the record and arms the alarm for what follows from it.
    pub(super) fn store(&self, record: &Record) -> Result<(), Broken> {
        let text = serde_json::to_string(record).map_err(|_| Broken)?;
        self.custody.store(&text).map_err(|StoreFault| Broken)?;
        self.arm(record)
    }

    /// The same for a record with something of the provider's that is nowhere else. Where it cannot be
    /// stored now, it is before anything else is done. Not for what somebody is told the end of: they
    /// would be told that nothing was kept, and later it would be.
    pub(super) fn secure(&self, record: &Record) -> Result<(), Broken> {
        self.store(record).inspect_err(|Broken| {
            self.unsaved.replace(serde_json::to_string(record).ok());
        })
    }

    pub(super) fn arm(&self, record: &Record) -> Result<(), Broken> {
        let at = next_alarm(record, self.right);
        self.custody.arm(at).map_err(|StoreFault| Broken)
    }

    /// A sealed refresh token.
    pub(super) fn unsealed(&self, refresh: Option<&String>) -> Option<Secret> {
        let sealed = STANDARD.decode(refresh?).ok()?;
        let opened = self.sealer.open(&self.refresh_record(), &sealed).ok()?;
        std::str::from_utf8(&opened).ok().map(Secret::new)
    }

    pub(super) fn seal_refresh(&self, token: &Secret) -> Result<String, Broken> {
        Ok(STANDARD.encode(self.seal(&self.refresh_record(), token.expose().as_bytes())?))
    }

    fn refresh_record(&self) -> String {
        format!("refresh/{}", self.record)
    }

    pub(super) fn seal(&self, record: &str, plaintext: &[u8]) -> Result<Vec<u8>, Broken> {
        self.sealer
            .seal(record, plaintext, random(self.entropy)?)
            .map_err(|_| Broken)
    }
}
