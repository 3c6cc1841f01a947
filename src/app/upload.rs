//! A request too large to be held: kept as it comes, then read from where it is kept.
//!
//! The Outbox of the caller's first mailbox takes it, because `from` stands behind the files in what
//! clients write. If the message turns out to be another mailbox's, what was read is carried over to
//! that one's Outbox, which alone makes it a message.

use std::io;

use super::{
    api_request::{self, Idempotency},
    door::Outboxes,
    drain::{Drain, next_alarm},
    emails,
    http::Response,
    intake::{Accept, Accepted, Answered},
    ports::{BodyFault, BodySource, Clock, Entropy, OutboxStore, StoreFault, random},
    reception::Reception,
    submit::by,
    turns::Turns,
};
use crate::{
    api::{ApiError, Body, BodyError, FileSink, NotKept, SendRequest},
    config::{Caller, Config, Name},
    limits::{JSON_BODY_OCTETS, UPLOAD_PIECE_TIMEOUT, UPLOAD_TIMEOUT},
    mail::{PartNumber, Place},
    outbox::{EmailId, OutboxTag},
    time::UnixMillis,
};

/// What the headers of a request tell, and whoever reads its body has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Who calls.
    pub caller: Caller,
    /// By what the request can be recognised when it is repeated.
    pub scope: Option<String>,
    /// How long the body says it is.
    pub declared: Option<u64>,
}

impl Ticket {
    /// What its holder is answered when the Outbox did not.
    pub fn unanswered() -> Response {
        emails::error(&ApiError::unavailable())
    }
}

/// An Outbox that takes a large request.
#[derive(Debug)]
pub struct Upload<'a, S, K, E, O> {
    /// What the operator has set.
    pub config: &'a Config,
    /// The mailbox whose Outbox this is.
    pub mailbox: &'a Name,
    /// Where it is kept.
    pub store: &'a S,
    /// The time.
    pub clock: &'a K,
    /// Randomness.
    pub entropy: &'a E,
    /// What this Outbox remembers of requests.
    pub reception: &'a Reception,
    /// Whether it is sending, in which case the alarm is left alone.
    pub drain: &'a Drain,
    /// The turns of this isolate.
    pub turns: &'a Turns,
    /// The other Outboxes.
    pub outboxes: &'a O,
}

impl<S, K, E, O> Upload<'_, S, K, E, O>
where
    S: OutboxStore,
    K: Clock,
    E: Entropy,
    O: Outboxes,
{
    /// Takes the request and answers it.
    pub async fn take(&self, ticket: &Ticket, body: &mut impl BodySource) -> Response {
        let counted = self.reception.meter.count(
            &ticket.caller.name,
            ticket.caller.rate_limit,
            self.clock.now(),
        );
        let rate = match counted {
            Ok(rate) => rate,
            Err(rate) => {
                let limited = Answered {
                    accepted: Accepted::Limited,
                    rate: Some(rate),
                };
                return emails::answer(limited, "");
            }
        };
        match self.kept(ticket, body).await {
            Ok((answered, ignored)) => {
                // Where it was carried over, the other Outbox has counted it last.
                let rate = answered.rate.or(Some(rate));
                emails::answer(Answered { rate, ..answered }, &ignored)
            }
            Err(error) => emails::with_rate(emails::error(&error), rate),
        }
    }

    async fn kept(
        &self,
        ticket: &Ticket,
        body: &mut impl BodySource,
    ) -> Result<(Answered, String), ApiError> {
        let under_way = ticket
            .scope
            .as_ref()
            .map(|scope| self.reception.begin(scope));
        if matches!(under_way, Some(None)) {
            return Ok((uncounted(Accepted::Concurrent), String::new()));
        }
        let turn = self.turns.take(ticket.declared, self.clock).await;
        let _turn = turn.ok_or_else(ApiError::busy)?;
        let id = self.new_id(self.mailbox)?;
        let begun = begin_staging(self.store, self.drain, id, self.clock.now());
        let kept = match begun {
            Ok(()) => self.stage_and_commit(id, ticket, body).await,
            Err(StoreFault) => Err(ApiError::unavailable()),
        };
        let adopted = matches!(&kept, Ok((answered, _)) if answered.accepted == Accepted::Id(id));
        if !adopted {
            // What cannot be dropped now is swept later.
            let _ = self.store.discard(id);
        }
        kept
    }

    fn new_id(&self, mailbox: &Name) -> Result<EmailId, ApiError> {
        let random = random(self.entropy).map_err(|_| ApiError::unavailable())?;
        let outbox = OutboxTag::of(mailbox.as_str());
        Ok(EmailId::new(
            self.clock.now(),
            u64::from_be_bytes(random),
            outbox,
        ))
    }

    async fn stage_and_commit(
        &self,
        id: EmailId,
        ticket: &Ticket,
        body: &mut impl BodySource,
    ) -> Result<(Answered, String), ApiError> {
        self.receive(id, ticket.declared, body).await?;
        let mut files = Files {
            store: self.store,
            id,
        };
        let read = Body::read(Rows::new(self.store, id), &mut files);
        let body = read.map_err(|error| match error {
            BodyError::Caller(error) => error,
            BodyError::Storage => ApiError::unavailable(),
        })?;
        let dropped = self.store.drop_part(id, PartNumber::REQUEST);
        dropped.map_err(|StoreFault| ApiError::unavailable())?;
        let asked = SendRequest::read(&body)?;
        let idempotency = ticket.scope.clone().map(|scope| Idempotency {
            scope,
            fingerprint: asked.fingerprint(&body.rest),
        });
        drop(body);
        let ignored = asked.ignored.join(", ");
        let (caller, config) = (&ticket.caller, self.config);
        let accept = api_request::accept(caller, config, asked, idempotency, Some(id))?;
        let answered = if accept.mailbox == *self.mailbox {
            let kept = accept.keep(self.store, self.clock, self.entropy);
            uncounted(kept.map_err(|_| ApiError::unavailable())?)
        } else {
            self.carry_over(id, accept).await?
        };
        Ok((answered, ignored))
    }

    /// Keeps the body as it comes.
    async fn receive(
        &self,
        id: EmailId,
        declared: Option<u64>,
        body: &mut impl BodySource,
    ) -> Result<(), ApiError> {
        let deadline = self.clock.now().after(UPLOAD_TIMEOUT);
        let mut total = 0_u64;
        for piece in 0.. {
            let now = self.clock.now();
            if now >= deadline {
                return Err(ApiError::too_slow());
            }
            let until = now.after(UPLOAD_PIECE_TIMEOUT).min(deadline);
            let octets = match by(self.clock, until, body.next()).await {
                Some(Ok(Some(octets))) => octets,
                Some(Ok(None)) => break,
                Some(Err(BodyFault)) => return Err(ApiError::incomplete()),
                None => return Err(ApiError::too_slow()),
            };
            total = total.saturating_add(octets.len() as u64);
            if total > JSON_BODY_OCTETS {
                return Err(ApiError::too_large("JSON_BODY_OCTETS"));
            }
            let place = Place {
                part: PartNumber::REQUEST,
                piece,
            };
            let staged = self.store.stage(id, place, octets);
            staged.map_err(|StoreFault| ApiError::unavailable())?;
        }
        if declared.is_some_and(|declared| declared != total) {
            return Err(ApiError::incomplete());
        }
        Ok(())
    }

    /// Carries the files over to the Outbox that the message belongs to, and has it take them.
    async fn carry_over(&self, id: EmailId, accept: Accept) -> Result<Answered, ApiError> {
        let theirs = self.new_id(&accept.mailbox)?;
        for index in 0..accept.draft.attachments.len() {
            for piece in 0.. {
                let place = Place {
                    part: PartNumber::file(index),
                    piece,
                };
                let octets = self.store.piece(id, place);
                let octets = octets.map_err(|StoreFault| ApiError::unavailable())?;
                let Some(octets) = octets else { break };
                let carried = self.outboxes.stage(&accept.mailbox, theirs, place, octets);
                carried.await.map_err(|_| ApiError::unavailable())?;
            }
        }
        let accept = Accept {
            staged: Some(theirs),
            ..accept
        };
        let answered = self.outboxes.accept(&accept).await;
        answered.map_err(|_| ApiError::unavailable())
    }
}

fn uncounted(accepted: Accepted) -> Answered {
    Answered {
        accepted,
        rate: None,
    }
}

/// Begins to keep content that may never become a message: the alarm will see to what is left.
///
/// # Errors
/// When storage fails.
pub fn begin_staging(
    store: &impl OutboxStore,
    drain: &Drain,
    id: EmailId,
    now: UnixMillis,
) -> Result<(), StoreFault> {
    store.begin_staging(id, now)?;
    match next_alarm(store, now)? {
        // A run that is under way arms what comes next when it ends.
        Some(at) if !drain.is_running() => store.arm(at),
        _ => Ok(()),
    }
}

/// The body as it is kept.
struct Rows<'a, S> {
    store: &'a S,
    id: EmailId,
    next: u32,
    row: io::Cursor<Vec<u8>>,
}

impl<'a, S> Rows<'a, S> {
    fn new(store: &'a S, id: EmailId) -> Self {
        Self {
            store,
            id,
            next: 0,
            row: io::Cursor::default(),
        }
    }
}

impl<S: OutboxStore> io::Read for Rows<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.row.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let place = Place {
                part: PartNumber::REQUEST,
                piece: self.next,
            };
            // The row that was read is freed before the next one is there.
            self.row = io::Cursor::default();
            let row = self.store.piece(self.id, place);
            let Some(row) = row.map_err(|StoreFault| io::ErrorKind::Other)? else {
                return Ok(0);
            };
            self.next = self.next.saturating_add(1);
            self.row = io::Cursor::new(row);
        }
    }
}

/// Where the files go.
struct Files<'a, S> {
    store: &'a S,
    id: EmailId,
}

impl<S: OutboxStore> FileSink for Files<'_, S> {
    fn write(&mut self, index: usize, piece: u32, octets: Vec<u8>) -> Result<(), NotKept> {
        let place = Place {
            part: PartNumber::file(index),
            piece,
        };
        self.store
            .stage(self.id, place, octets)
            .map_err(|StoreFault| NotKept)
    }
}
