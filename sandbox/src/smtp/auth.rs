//! AUTH, in one step or two, and what follows a token that is no good.

use super::connection::Connection;
use super::end::End;
use super::plan::Turn;
use super::sasl::{Credentials, Malformed, Mechanism, Refusal};
use super::script::Step;
use super::wire::Line;
use crate::accounts::TokenVerdict;
use crate::inbox::{AuthFacts, AuthForm};

/// Longest AUTH line that may carry an initial response, CRLF included: RFC 4954 §4, "the client
/// MUST NOT use the initial response" beyond. Longer ones are taken and noted.
const INLINE_CAP: usize = 512;

/// So many refusals on one connection and it is closed, as providers do.
const MOST_REFUSALS: u32 = 3;

const TAKEN: &str = "235 2.7.0 Authentication successful";
const REFUSED: &str = "535 5.7.3 Authentication unsuccessful";

/// The names the server goes by.
const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// How one client tries to authenticate.
#[derive(Clone, Copy)]
struct Attempt {
    mechanism: Mechanism,
    form: AuthForm,
}

impl Connection {
    pub(super) async fn auth(
        &mut self,
        mechanism: &str,
        initial: Option<&str>,
        length: usize,
    ) -> Result<(), End> {
        if !self.wire.is_tls() {
            self.violation("AUTH before TLS");
            return self
                .reply("538 5.7.11 Encryption required for requested authentication mechanism");
        }
        if !self.greeted {
            return self.reply("503 5.5.1 Send EHLO first");
        }
        if self.user.is_some() || self.transaction.is_some() {
            return self.reply("503 5.5.1 Bad sequence of commands");
        }
        let Some(mechanism) = Mechanism::parse(mechanism) else {
            return self.reply("504 5.7.4 Unrecognized authentication type");
        };
        if !self.offers_mechanism(mechanism.name()) {
            self.violation(format!("AUTH {}, which was not offered", mechanism.name()));
            return self.reply("504 5.7.4 Unrecognized authentication type");
        }
        let Some((form, response)) = self.response(initial, length).await? else {
            return Ok(());
        };
        if self.wire.buffered() > 0 {
            self.violation("octets sent behind credentials that are not answered yet");
        }
        self.judge(Attempt { mechanism, form }, &response).await
    }

    /// The credentials as they were sent; `None` when there are none and the client was told so.
    async fn response(
        &mut self,
        initial: Option<&str>,
        length: usize,
    ) -> Result<Option<(AuthForm, Vec<u8>)>, End> {
        if let Some(initial) = initial {
            if length + 2 > INLINE_CAP {
                self.violation("an AUTH line with an initial response is longer than 512 octets");
            }
            // RFC 4954 §4: a single `=` is a response of no octets.
            let initial = if initial == "=" { "" } else { initial };
            return Ok(Some((AuthForm::Inline, initial.as_bytes().to_vec())));
        }
        let turn = self.plan.reach(Step::AuthPrompt);
        let asks = turn.reply.is_none() || turn.asks_for_more();
        let at_once = turn.reply.is_some() && turn.proceeds();
        self.conclude(turn, "334 ").await?;
        if !asks {
            if at_once {
                self.record(|record| record.auth_user = Some(String::new()));
                self.user = Some(String::new());
            }
            return Ok(None);
        }
        match self.auth_line().await? {
            Line::TooLong => {
                self.heard("<redacted>");
                self.violation("a line of AUTH is too long");
                self.reply("500 5.5.6 Authentication exchange line is too long")?;
                Ok(None)
            }
            Line::Whole(line) if line == b"*" => {
                self.heard("*");
                self.reply("501 5.7.0 Authentication cancelled")?;
                Ok(None)
            }
            Line::Whole(line) => {
                self.heard("<redacted>");
                Ok(Some((AuthForm::TwoStep, line)))
            }
        }
    }

    async fn judge(&mut self, attempt: Attempt, response: &[u8]) -> Result<(), End> {
        let turn = self.plan.reach(Step::Auth);
        let sent = String::from_utf8_lossy(response);
        self.world.accounts.note("AUTH response", &sent);
        let credentials = attempt.mechanism.decode(response);
        let user = credentials
            .as_ref()
            .map(|credentials| credentials.user.clone())
            .unwrap_or_default();
        if turn.asks_for_more() {
            return self.ask_for_nothing(attempt, &user, turn).await;
        }
        if !turn.proceeds() {
            self.note_auth(attempt, &user, turn.code().unwrap_or(0));
            return self.conclude(turn, REFUSED).await;
        }
        // A scripted success is one, whatever the token.
        let refusal = match &credentials {
            _ if turn.reply.is_some() => None,
            Err(Malformed::Base64) => {
                self.violation("a response of AUTH is not base64");
                self.note_auth(attempt, &user, 501);
                return self
                    .conclude(turn, "501 5.5.2 Cannot decode response")
                    .await;
            }
            Err(Malformed::Message) => {
                self.violation(format!(
                    "a response of AUTH is no {} message",
                    attempt.mechanism.name()
                ));
                Some(Refusal::Request)
            }
            Ok(credentials) => self.refusal(credentials).await,
        };
        let Some(refusal) = refusal else {
            self.note_auth(attempt, &user, turn.code().unwrap_or(235));
            self.record(|record| record.auth_user = Some(user.clone()));
            self.user = Some(user);
            return self.conclude(turn, TAKEN).await;
        };
        if !self.explain(attempt, &user, refusal).await? {
            return Ok(());
        }
        self.note_auth(attempt, &user, 535);
        self.refusals += 1;
        if self.refusals >= MOST_REFUSALS {
            return self.reply("421 4.7.0 Too many failed authentication attempts");
        }
        self.conclude(turn, REFUSED).await
    }

    async fn refusal(&self, credentials: &Credentials) -> Option<Refusal> {
        let elsewhere = credentials
            .host
            .as_ref()
            .is_some_and(|host| !HOSTS.iter().any(|ours| host.eq_ignore_ascii_case(ours)))
            || credentials
                .port
                .as_ref()
                .is_some_and(|port| *port != self.port.to_string());
        if elsewhere {
            self.violation("OAUTHBEARER names another host or port");
            return Some(Refusal::Request);
        }
        let Credentials { user, token, .. } = credentials;
        let verdict = if self.world.accounts.has_issued(token) {
            self.world.accounts.judge(user, token)
        } else {
            self.world.verifier.judge(user, token).await
        };
        match verdict {
            TokenVerdict::Good => None,
            TokenVerdict::Bad => Some(Refusal::Token),
            TokenVerdict::WrongScope => Some(Refusal::Scope),
        }
    }

    /// The challenge that says why, and the client's line behind it. Whatever that line is, it is an
    /// answer and no command. Whether the refusal itself is still to come.
    async fn explain(
        &mut self,
        attempt: Attempt,
        user: &str,
        refusal: Refusal,
    ) -> Result<bool, End> {
        let challenge = attempt.mechanism.challenge(refusal, &self.world.issuer());
        let turn = self.plan.reach(Step::AuthChallenge);
        if turn.reply.is_some() && !turn.asks_for_more() {
            self.note_auth(attempt, user, turn.code().unwrap_or(0));
            self.conclude(turn, "").await?;
            return Ok(false);
        }
        self.conclude(turn, &format!("334 {challenge}")).await?;
        self.last_word(attempt.mechanism).await?;
        Ok(true)
    }

    /// A scripted 3yz where the outcome belongs: a challenge nobody can answer.
    async fn ask_for_nothing(
        &mut self,
        attempt: Attempt,
        user: &str,
        turn: Turn,
    ) -> Result<(), End> {
        self.conclude(turn, REFUSED).await?;
        self.last_word(attempt.mechanism).await?;
        self.note_auth(attempt, user, 535);
        self.reply(REFUSED)
    }

    async fn last_word(&mut self, mechanism: Mechanism) -> Result<(), End> {
        match self.auth_line().await? {
            Line::Whole(line) if line == mechanism.last_word() => {
                self.heard(&crate::octets::to_text(&line));
            }
            Line::Whole(line) if line == b"*" => self.heard("*"),
            Line::Whole(_) | Line::TooLong => {
                self.heard("<redacted>");
                self.violation(match mechanism {
                    Mechanism::XOAuth2 => {
                        "the answer to the challenge of a refused token is not empty"
                    }
                    Mechanism::OAuthBearer => {
                        "the answer to the challenge of a refused token is not AQ=="
                    }
                });
            }
        }
        Ok(())
    }

    fn note_auth(&self, attempt: Attempt, user: &str, reply: u16) {
        let facts = AuthFacts {
            mechanism: attempt.mechanism.name().to_owned(),
            form: attempt.form,
            user: user.to_owned(),
            reply,
        };
        self.record(|record| record.auth = Some(facts));
    }
}
