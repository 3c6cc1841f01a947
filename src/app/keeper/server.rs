//! What is known of the authorization server: as it is configured, or as it says itself.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    super::ports::{Clock, Entropy, HttpClient, TokenCache, TokenCustody},
    Keeper,
};
use crate::{
    limits::{METADATA_AGE, METADATA_RETRY},
    oauth::{Metadata, Provider, TokenFailure, metadata_addresses},
    time::UnixMillis,
};

/// What the Keeper answers to whoever asks for the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataAnswer {
    /// The metadata, in the form in which it is published.
    Document(Map<String, Value>),
    /// Why it cannot be had.
    Failure(TokenFailure),
}

impl MetadataAnswer {
    /// Reads the answer.
    ///
    /// # Errors
    /// The Keeper's failure, or what is wrong with the document.
    pub fn read(self, issuer: &str) -> Result<Metadata, TokenFailure> {
        match self {
            Self::Document(document) => Metadata::of(issuer, &document),
            Self::Failure(failure) => Err(failure),
        }
    }
}

/// Metadata as it is remembered: in the form in which it is published, with two fields of ours.
struct Remembered {
    metadata: Metadata,
    ask_again: UnixMillis,
}

impl Remembered {
    const VERSION: u64 = 1;

    /// What cannot be read, or is about another server, counts as not remembered.
    fn read(stored: &str, issuer: &str) -> Option<Self> {
        let document: Map<String, Value> = serde_json::from_str(stored).ok()?;
        let number = |name: &str| document.get(name).and_then(Value::as_u64);
        if number("v") != Some(Self::VERSION) {
            return None;
        }
        Some(Self {
            metadata: Metadata::of(issuer, &document).ok()?,
            ask_again: UnixMillis::new(number("ask_again")?),
        })
    }

    fn to_stored(&self, issuer: &str) -> String {
        let mut document = self.metadata.document(issuer);
        document.insert("v".to_owned(), Self::VERSION.into());
        document.insert("ask_again".to_owned(), self.ask_again.as_millis().into());
        Value::Object(document).to_string()
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
        let remembered = Remembered {
            metadata,
            ask_again: now.after(again),
        };
        self.custody.store_metadata(&remembered.to_stored(issuer));
        Ok(remembered.metadata)
    }

    /// The same for whoever asks from elsewhere.
    pub async fn metadata_answer(&self) -> MetadataAnswer {
        let issuer = self.provider.issuer.as_deref().unwrap_or_default();
        match self.metadata().await {
            Ok(metadata) => MetadataAnswer::Document(metadata.document(issuer)),
            Err(failure) => MetadataAnswer::Failure(failure),
        }
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
        if let Some(mut known) = stored.and_then(|stored| Remembered::read(&stored, issuer)) {
            known.ask_again = self.clock.now();
            self.custody.store_metadata(&known.to_stored(issuer));
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
}

fn is_absence(failure: &TokenFailure) -> bool {
    let finding = failure.failure.finding.as_ref();
    finding.is_some_and(|finding| finding.name() == "metadata_not_found")
}
