//! The client: what runs in the Worker, over sockets of this machine.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgepost::app::{Link, Opening};
use edgepost::mail::Envelope;
use edgepost::outcome::{Failure, Outcome, Reach};
use edgepost::secret::AccessToken;
use edgepost::smtp::{ClientName, Needs, SessionConfig, Transaction};
use edgepost::tls::TlsMode;
use tokio::runtime::{Builder, Runtime};

use crate::dialogue::Dialogue;
use crate::net::{Network, RealClock, Socket, long_from_now};
use crate::server::{Mechanism, Server};

/// The mailbox that is authenticated.
pub const SENDER: &str = "sales@shop.test";

/// The name in the servers' certificate.
pub(crate) const HOST: &str = "localhost";

/// A token that every server takes, short enough for the AUTH line.
const TOKEN: &str = "good-token";

/// Content is handed over in pieces of this many octets, so that a sequence that means
/// something is cut now and then.
const PIECE_OCTETS: usize = 700;

static CLOCK: RealClock = RealClock;

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `MAIL FROM`.
    pub from: String,
    /// `RCPT TO`.
    pub to: Vec<String>,
    /// Header and body.
    pub content: Vec<u8>,
}

impl Mail {
    /// To one recipient who takes everything, with this body.
    #[must_use]
    pub fn with_body(body: &str) -> Self {
        let header = "From: sales@shop.test\r\nTo: ada@friend.test\r\nSubject: Interop\r\n\
                      Date: Sun, 22 Nov 2026 09:30:00 +0000\r\nMessage-ID: <1@shop.test>\r\n\r\n";
        Self {
            from: SENDER.to_owned(),
            to: vec!["ada@friend.test".to_owned()],
            content: format!("{header}{body}").into_bytes(),
        }
    }

    /// The same from the sender with this local part.
    #[must_use]
    pub fn from(self, local_part: &str) -> Self {
        let from = format!("{local_part}@shop.test");
        Self { from, ..self }
    }

    /// The same to the recipients with these local parts.
    #[must_use]
    pub fn to(self, local_parts: &[&str]) -> Self {
        let to = local_parts.iter().map(|who| format!("{who}@friend.test"));
        Self {
            to: to.collect(),
            ..self
        }
    }
}

/// How a session is opened, where it is not as the server wants it.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The access token.
    pub token: &'a str,
    /// When TLS begins.
    pub tls: TlsMode,
    /// The name that the certificate must be for.
    pub host: &'a str,
    /// The authority that is trusted.
    pub authority_pem: &'a str,
}

impl<'a> Wish<'a> {
    /// What the server wants.
    #[must_use]
    pub fn of(server: &'a Server) -> Self {
        Self {
            token: TOKEN,
            tls: server.tls(),
            host: HOST,
            authority_pem: server.authority_pem(),
        }
    }
}

/// A session with a server, and the thread's own loop to run it.
pub struct Client {
    link: Link<'static, Socket, RealClock>,
    runtime: Runtime,
    dialogue: Rc<Dialogue>,
}

impl Client {
    /// Connects and authenticates with a token that is good.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn open(server: &Server) -> Self {
        Self::open_as(server, Wish::of(server)).expect("a session")
    }

    /// Connects and authenticates with this token.
    ///
    /// # Errors
    /// What the core made of it.
    ///
    /// # Panics
    /// If the token is none that the core takes.
    pub fn open_with(server: &Server, token: &str) -> Result<Self, Failure> {
        let wish = Wish::of(server);
        Self::open_as(server, Wish { token, ..wish })
    }

    /// Connects and authenticates in this way.
    ///
    /// # Errors
    /// What the core made of it.
    ///
    /// # Panics
    /// If the token is none that the core takes.
    pub fn open_as(server: &Server, wish: Wish<'_>) -> Result<Self, Failure> {
        let user = SENDER.parse().expect("an address");
        let opening = Opening {
            host: wish.host,
            port: server.port(),
            session: SessionConfig {
                client_name: ClientName::of(&user),
                user,
                token: AccessToken::new(wish.token).expect("a token"),
                tls: wish.tls,
            },
        };
        let dialogue = Rc::new(Dialogue::default());
        let network = Network::trusting(wish.authority_pem, Rc::clone(&dialogue));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a loop");
        match runtime.block_on(Link::open(&network, &CLOCK, opening)) {
            Ok(link) => Ok(Self {
                link,
                runtime,
                dialogue,
            }),
            Err(failure) => {
                dialogue.show();
                Err(failure)
            }
        }
    }

    /// Sends a message; says what became of each recipient.
    ///
    /// # Panics
    /// If an address is none.
    pub fn send(&mut self, mail: &Mail) -> Vec<String> {
        let transaction = Transaction {
            envelope: Envelope {
                reverse_path: mail.from.parse().expect("an address"),
                forward_paths: mail
                    .to
                    .iter()
                    .map(|to| to.parse().expect("an address"))
                    .collect(),
            },
            size: mail.content.len() as u64,
            needs: Needs {
                eight_bit: !mail.content.is_ascii(),
                smtputf8: false,
            },
        };
        let piece = |index: u32| {
            let mut pieces = mail.content.chunks(PIECE_OCTETS);
            Ok(pieces.nth(index as usize).map(<[u8]>::to_vec))
        };
        let sending = self.link.transact(transaction, long_from_now(), piece);
        let conclusion = self.runtime.block_on(sending);
        assert_eq!(conclusion.left_over, [0; 0], "no server here has a limit");
        conclusion.outcomes.iter().map(say).collect()
    }

    /// Waits until another message can be sent.
    ///
    /// # Errors
    /// When none can.
    pub fn ready(&mut self) -> Result<(), Failure> {
        self.runtime.block_on(self.link.ready())
    }

    /// Whether the client began a line with these words, in a command or in content.
    #[must_use]
    pub fn said(&self, words: &str) -> bool {
        self.dialogue.client_said(words)
    }

    /// Whether the client said all this in one go, without an answer in between.
    #[must_use]
    pub fn said_at_once(&self, words: &[&str]) -> bool {
        self.dialogue.client_said_at_once(words)
    }

    /// Says QUIT and closes.
    pub fn close(self) {
        self.runtime.block_on(self.link.close());
        self.dialogue.show();
    }
}

/// The AUTH command that a careless client sends.
pub(crate) fn auth_line(mechanism: Mechanism) -> String {
    let who = match mechanism {
        Mechanism::Xoauth2 => format!("user={SENDER}"),
        Mechanism::OauthBearer => format!("n,a={SENDER},"),
    };
    let response = format!("{who}\u{1}auth=Bearer {TOKEN}\u{1}\u{1}");
    format!("AUTH {} {}", mechanism.name(), STANDARD.encode(response))
}

/// An outcome as the transcripts write it.
#[must_use]
pub fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(_) => "accepted".to_owned(),
        Outcome::Deferred(failure) => format!("deferred {}", say_failure(failure)),
        Outcome::Rejected(failure) => format!("rejected {}", say_failure(failure)),
        Outcome::InDoubt(failure) => format!("in_doubt {}", say_failure(failure)),
    }
}

/// A failure as the transcripts write it.
#[must_use]
pub fn say_failure(failure: &Failure) -> String {
    match failure.reach {
        Reach::Message => failure.cause.to_string(),
        Reach::Mailbox(trouble) => format!("{} {trouble:?}", failure.cause).to_lowercase(),
    }
}
