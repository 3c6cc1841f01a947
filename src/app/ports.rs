//! What the use cases need of the world.
//!
//! Everything runs on one thread, so no future here is `Send`, and every port is used through a
//! shared reference.

use std::{fmt, future::Future};

use futures_util::future::LocalBoxFuture;
use thiserror::Error;

use super::{api_request::Idempotency, standing::Standing};
use crate::{
    api::Card,
    mail::{EmailAddress, PartNumber, Place},
    oauth::{Fingerprint, SigningAlgorithm, SigningKey, TokenFailure},
    outbox::{Alert, AlertLog, Channel, EmailId, Health, Job, StoryEvent},
    outcome::Failure,
    time::UnixMillis,
    tls::TlsMode,
};

/// The time, and waiting for it.
pub trait Clock {
    /// Now.
    fn now(&self) -> UnixMillis;
    /// Ends when it is `at`, at once if that is past.
    fn sleep_until(&self, at: UnixMillis) -> impl Future<Output = ()>;
}

/// Random numbers that nobody can guess.
pub trait Entropy {
    /// Fills `octets`.
    ///
    /// # Errors
    /// When the platform has none to give.
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The platform gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no random numbers are to be had")]
pub struct NoEntropy;

/// `N` random octets.
pub(crate) fn random<const N: usize>(entropy: &impl Entropy) -> Result<[u8; N], NoEntropy> {
    let mut octets = [0; N];
    entropy.fill(&mut octets)?;
    Ok(octets)
}

/// An HTTP client that follows no redirect, caps the answer and has a deadline of its own.
pub trait HttpClient {
    /// Sends a request and reads the whole answer.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> impl Future<Output = Result<http::Response<Vec<u8>>, HttpFault>>;
    /// Sends a request and reads of the answer its status alone, whatever comes behind it.
    fn status(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> impl Future<Output = Result<u16, HttpFault>> {
        async {
            self.send(request)
                .await
                .map(|answer| answer.status().as_u16())
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HttpFault {
    /// No connection, no TLS, or it broke.
    #[error("the request could not be made or its answer not be read")]
    Connection,
    /// Not in time.
    #[error("no answer came in time")]
    TimedOut,
    /// Longer than the cap.
    #[error("the answer is too long")]
    TooLong,
}

/// Signs. Behind a `dyn`, since it is asked once in the life of an access token.
pub trait Signer: fmt::Debug {
    /// The signature of `input` by `key`.
    fn sign<'a>(
        &'a self,
        key: &'a SigningKey,
        algorithm: SigningAlgorithm,
        input: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<Vec<u8>, CannotSign>>;
}

/// The key was not taken, or did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the key could not sign")]
pub struct CannotSign;

/// Workers KV, or whatever caches sealed tokens. It may forget, and serve old values.
pub trait TokenCache {
    /// The value of `record`, if it can be had.
    fn get(&self, record: &str) -> impl Future<Output = Option<Vec<u8>>>;
    /// Keeps `value` as `record` for `ttl_seconds`; a failure costs a refresh and nothing else.
    fn put(&self, record: &str, value: &[u8], ttl_seconds: u64) -> impl Future<Output = ()>;
}

/// Where a small object keeps its one record, for good, and its one alarm.
pub trait TokenCustody {
    /// The record, if there is one.
    fn load(&self) -> Result<Option<String>, StoreFault>;
    /// Replaces the record. Durable before anything that follows leaves this object.
    fn store(&self, record: &str) -> Result<(), StoreFault>;
    /// Arms the alarm, whatever it was armed for, or disarms it.
    fn arm(&self, at: Option<UnixMillis>) -> Result<(), StoreFault>;
    /// What an authorization server has said of itself, if it is remembered. It is public and not
    /// sealed, and what is lost of it is asked for again.
    fn load_metadata(&self) -> Option<String>;
    /// Replaces that, if it can.
    fn store_metadata(&self, metadata: &str);
}

/// The Keeper of a credential, asked from elsewhere.
pub trait TokenSource {
    /// An access token that is not the one refused.
    fn token(
        &self,
        refused: Option<&Fingerprint>,
    ) -> impl Future<Output = Result<crate::oauth::CachedToken, TokenFailure>>;
}

/// The mailboxes that a credential serves, as its Keeper reaches their Outboxes.
pub trait Served {
    /// Has the owner told of what was found out about the credential. An application's may serve many
    /// mailboxes, and one alert is enough: only the first of them is asked.
    fn tell(&self, failure: &Failure) -> impl Future<Output = Result<(), NotTold>>;
    /// Has all of them begin with a new grant.
    fn resume(&self, epoch: u32) -> impl Future<Output = Result<(), NotTold>>;
}

/// Counts requests, outside of all Outboxes.
pub trait RateLimiter {
    /// Counts one more of whoever is counted by this name; false when it is one too many.
    fn admits(&self, counted_as: &str) -> impl Future<Output = bool>;
}

/// The ways to the owner of one mailbox.
pub trait Alerts {
    /// Those that there are.
    fn channels(&self) -> &[Channel];
    /// Hands an alert over. `waiting` is how many messages wait in the Outbox.
    fn tell(
        &self,
        channel: Channel,
        alert: &Alert,
        waiting: u64,
    ) -> impl Future<Output = Result<(), NotTold>>;
}

/// The channel did not take the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the alert was not taken")]
pub struct NotTold;

/// The platform's Email Service, which mails to addresses that their owner has verified with it.
pub trait EmailService {
    /// Sends a plain text.
    fn send(
        &self,
        from: &EmailAddress,
        to: &[EmailAddress],
        subject: &str,
        text: &str,
    ) -> impl Future<Output = Result<(), NotTold>>;
}

/// Opens connections.
pub trait Connector {
    /// What it opens.
    type Connection: Connection;
    /// Opens a TCP connection: in the clear, or over TLS that has verified the host's name.
    fn connect(
        &self,
        host: &str,
        port: u16,
        tls: TlsMode,
    ) -> impl Future<Output = Result<Self::Connection, ConnectionFault>>;
}

/// A TCP connection. Reading and writing go on side by side, so all methods share the reference.
pub trait Connection {
    /// The next octets, or none when the peer has closed. Dropping the future loses nothing: the
    /// octets are there for the next call.
    fn read(&self) -> impl Future<Output = Result<Option<Vec<u8>>, ConnectionFault>>;
    /// Writes all of `octets`.
    fn write(&self, octets: Vec<u8>) -> impl Future<Output = Result<(), ConnectionFault>>;
    /// Starts TLS with the name that was connected to. No read or write may be under way.
    fn start_tls(&self) -> impl Future<Output = Result<(), ConnectionFault>>;
    /// Closes without waiting for the peer.
    fn close(&self) -> impl Future<Output = ()>;
}

/// The connection cannot be used. The platform tells no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection failed")]
pub struct ConnectionFault;

/// The body of a request, as it comes.
pub trait BodySource {
    /// The next octets, at most [`UPLOAD_PIECE_OCTETS`](crate::limits::UPLOAD_PIECE_OCTETS), or
    /// none after the last.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, BodyFault>>;
}

/// The body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body of the request broke off")]
pub struct BodyFault;

/// Content in pieces, some of it of messages that are there and some of messages that may never be.
pub trait ContentStore {
    /// Begins to keep content for a message that is not there yet.
    fn begin_staging(&self, id: EmailId, at: UnixMillis) -> Result<(), StoreFault>;
    /// Keeps a piece of it.
    fn stage(&self, id: EmailId, place: Place, octets: Vec<u8>) -> Result<(), StoreFault>;
    /// A piece of content, or none where there is none.
    fn piece(&self, id: EmailId, place: Place) -> Result<Option<Vec<u8>>, StoreFault>;
    /// Drops all pieces of a part.
    fn drop_part(&self, id: EmailId, part: PartNumber) -> Result<(), StoreFault>;
    /// Drops all that is kept for a message that is not there.
    fn discard(&self, id: EmailId) -> Result<(), StoreFault>;
    /// The oldest message that is not there yet, and since when content is kept for it.
    fn oldest_staging(&self) -> Result<Option<(EmailId, UnixMillis)>, StoreFault>;
}

/// Where an object's standing is kept, for good.
pub trait StandingStore {
    /// The standing, a plain one where there is none yet.
    fn standing(&self) -> Result<Standing, StoreFault>;
    /// Replaces it. Durable before anything that follows leaves this object.
    fn set_standing(&self, standing: &Standing) -> Result<(), StoreFault>;
}

/// The messages of one mailbox. Every call is one synchronous transaction: whole or not at all.
///
/// A record that this version cannot read (after a rollback, say) is set aside by the store and
/// not lost: it comes back with a version that can read it, and meanwhile holds nobody up.
pub trait OutboxStore: ContentStore + StandingStore {
    /// Keeps messages with their content, the first lines of their stories and what the API needs of
    /// them, remembers the request that they came with, and arms the alarm. What was staged under
    /// the identifier of a message is its content too.
    fn accept(
        &self,
        messages: &[NewMessage],
        request: Option<Remembered<'_>>,
        now: UnixMillis,
    ) -> Result<(), StoreFault>;
    /// What was asked under an idempotency key, and what it was answered, if that was less than
    /// [`IDEMPOTENCY_WINDOW`](crate::limits::IDEMPOTENCY_WINDOW) ago.
    fn remembered(
        &self,
        scope: &str,
        now: UnixMillis,
    ) -> Result<Option<(crate::api::Fingerprint, String)>, StoreFault>;
    /// Gives the messages of one caller, one after another from `from` on, until `take` has enough.
    /// Their cards are without text and HTML. What this version cannot read is left out.
    fn listed(
        &self,
        key: &str,
        from: Cursor,
        take: &mut dyn FnMut(&Job, &Card) -> bool,
    ) -> Result<(), StoreFault>;
    /// What the API keeps of a message.
    fn card(&self, id: EmailId) -> Result<Option<Card>, StoreFault>;
    /// Replaces a message's record and adds a line to its story.
    fn update(&self, job: &Job, event: &StoryEvent) -> Result<(), StoreFault>;
    /// Makes several changes, all of them or none.
    fn commit(&self, change: &Change<'_>) -> Result<(), StoreFault>;
    /// The message that has been due longest.
    fn next_due(&self, now: UnixMillis) -> Result<Option<Job>, StoreFault>;
    /// When the next message is due.
    fn earliest_due(&self) -> Result<Option<UnixMillis>, StoreFault>;
    /// Writes a message's record again, so that what is stored beside it agrees with it.
    fn realign(&self, job: &Job) -> Result<(), StoreFault>;
    /// The messages that are leased.
    fn leased(&self) -> Result<Vec<Job>, StoreFault>;
    /// The message and its story.
    fn story(&self, id: EmailId) -> Result<Option<(Job, Vec<StoryEvent>)>, StoreFault>;
    /// What is known of the mailbox.
    fn health(&self) -> Result<Health, StoreFault>;
    /// Replaces what is known of the mailbox.
    fn set_health(&self, health: &Health) -> Result<(), StoreFault>;
    /// What the owner is to be told, and has been.
    fn alerts(&self) -> Result<AlertLog, StoreFault>;
    /// How many messages are not settled.
    fn waiting(&self) -> Result<u64, StoreFault>;
    /// Arms the one alarm, whatever it was armed for.
    fn arm(&self, at: UnixMillis) -> Result<(), StoreFault>;
    /// Disarms it.
    fn disarm(&self) -> Result<(), StoreFault>;
}

/// Where a list begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// With the newest message, to older ones.
    Newest,
    /// With the next older one, to older ones.
    OlderThan(EmailId),
    /// With the next newer one, to newer ones.
    NewerThan(EmailId),
}

/// A message that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its record.
    pub job: Job,
    /// The first line of its story.
    pub event: StoryEvent,
    /// Its content, but for what was staged.
    pub content: Vec<(PartNumber, Vec<u8>)>,
    /// What the API keeps of it.
    pub card: Option<Card>,
}

/// A request that must not be done twice, and what is answered when it comes again.
#[derive(Debug, Clone, Copy)]
pub struct Remembered<'a> {
    /// The request.
    pub request: &'a Idempotency,
    /// The answer, in a form of whoever reads it again.
    pub answer: &'a str,
}

/// What changes together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// A message's record, and the line that its story gains.
    pub job: Option<(&'a Job, &'a StoryEvent)>,
    /// What is known of the mailbox.
    pub health: Option<&'a Health>,
    /// What the owner is to be told.
    pub alerts: Option<&'a AlertLog>,
    /// Pieces of the message's content that are written anew.
    pub content: &'a [(Place, Vec<u8>)],
    /// When the one alarm is to go off, whatever it was armed for.
    pub arm: Option<UnixMillis>,
}

/// Storage did not do as it was asked; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the storage failed")]
pub struct StoreFault;
