//! What is known of the authorization server: as it is configured, or as it says itself.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    super::ports::{Clock, Entropy, HttpClient, TokenCache, TokenCustody},
    Keeper,
};
use crate::{
    limits::{METADATA_AGE, METADATA_RETRY},
    oauth::{Metadata, Provider, TokenFailure, metadata_addresses},
    time::UnixMillis,
};

/// Metadata as it is remembered.
#[derive(Serialize, Deserialize)]
struct Remembered {
    v: u8,
    issuer: String,
    ask_again: UnixMillis,
    metadata: Metadata,
}

impl Remembered {
    const VERSION: u8 = 1;

    /// What cannot be read, or is about another server, counts as not remembered.
    fn read(stored: &str, issuer: &str) -> Option<Self> {
        let remembered: Self = serde_json::from_str(stored).ok()?;
        let fits = remembered.v == Self::VERSION && remembered.issuer == issuer;
        fits.then_some(remembered)
    }
}

/// What a token endpoint answers, if anything, when it is not there any more.
const MOVED: [&str; 3] = [
    "token_endpoint_moved",
    "token_endpoint_wrong",
    "token_no_answer",
];

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// The provider with all its endpoints.
    pub(super) async fn whole_provider(&self) -> Result<Cow<'_, Provider>, TokenFailure> {
        if !self.provider.discovered {
            return Ok(Cow::Borrowed(self.provider));
        }
        let metadata = self.metadata().await?;
        Ok(Cow::Owned(self.provider.completed_by(metadata)))
    }

    /// What the authorization server says of itself. Remembered for a day, and beyond that for as long
    /// as it cannot be had anew: a server that is away for an hour, or shows something else for an
    /// hour, stops no mail that its token endpoint would let go.
    ///
    /// # Errors
    /// Why it cannot be had, where nothing is remembered.
    pub async fn metadata(&self) -> Result<Metadata, TokenFailure> {
        let issuer = self.provider.issuer.as_deref().unwrap_or_default();
        let now = self.clock.now();
        let remembered = self
            .custody
            .load_metadata()
            .and_then(|stored| Remembered::read(&stored, issuer));
        if let Some(remembered) = &remembered
            && now < remembered.ask_again
        {
            return Ok(remembered.metadata.clone());
        }
        let (metadata, again) = match (self.ask_server(issuer).await, remembered) {
            (Ok(metadata), _) => (metadata, METADATA_AGE),
            (Err(_), Some(remembered)) => (remembered.metadata, METADATA_RETRY),
            (Err(failure), None) => return Err(failure),
        };
        self.remember(issuer, metadata.clone(), now.after(again));
        Ok(metadata)
    }

    /// A token endpoint that is not there may have moved: where it is now is asked before it is tried
    /// again.
    pub(super) fn doubt(&self, failure: &TokenFailure) {
        let finding = failure.failure.finding.as_ref();
        let moved = finding.is_some_and(|finding| MOVED.contains(&finding.name()));
        let (true, true, Some(issuer)) = (moved, self.provider.discovered, &self.provider.issuer)
        else {
            return;
        };
        let stored = self.custody.load_metadata();
        if let Some(known) = stored.and_then(|stored| Remembered::read(&stored, issuer)) {
            self.remember(issuer, known.metadata, self.clock.now());
        }
    }

    /// At the two addresses where it may be. The first document that is in order counts; if none is,
    /// what was wrong with a document says more than that there was none.
    async fn ask_server(&self, issuer: &str) -> Result<Metadata, TokenFailure> {
        let mut told: Option<TokenFailure> = None;
        for address in metadata_addresses(issuer) {
            let request = http::Request::get(address)
                .header(http::header::ACCEPT, "application/json")
                .body(Vec::new());
            let Ok(request) = request else {
                return Err(Metadata::unavailable());
            };
            // Both are on one host: one that does not answer is not waited for twice.
            let answer = self.http.send(request).await;
            let answer = answer.map_err(|_| Metadata::unavailable())?;
            match Metadata::read(issuer, answer.status().as_u16(), answer.body()) {
                Ok(metadata) => return Ok(metadata),
                Err(failure) if told.as_ref().is_none_or(is_absence) => told = Some(failure),
                Err(_) => {}
            }
        }
        Err(told.unwrap_or_else(Metadata::unavailable))
    }

    fn remember(&self, issuer: &str, metadata: Metadata, ask_again: UnixMillis) {
        let remembered = Remembered {
            v: Remembered::VERSION,
            issuer: issuer.to_owned(),
            ask_again,
            metadata,
        };
        if let Ok(stored) = serde_json::to_string(&remembered) {
            self.custody.store_metadata(&stored);
        }
    }
}

fn is_absence(failure: &TokenFailure) -> bool {
    let finding = failure.failure.finding.as_ref();
    finding.is_some_and(|finding| finding.name() == "metadata_not_found")
}
