//! AUTH XOAUTH2, in one step or two.

use super::connection::{Connection, End};
use super::script::Step;
use super::wire::Line;
use super::xoauth2::{self, Malformed};
use crate::accounts::TokenVerdict;
use crate::inbox::{AuthFacts, AuthForm};

/// Longest AUTH line that may carry an initial response, CRLF included: RFC 4954 §4, "the client
/// MUST NOT use the initial response" beyond. Longer ones are taken and noted.
const INLINE_CAP: usize = 512;

/// So many refusals on one connection and it is closed, as providers do.
const MOST_REFUSALS: u32 = 3;

const TAKEN: &str = "235 2.7.0 Authentication successful";
const REFUSED: &str = "535 5.7.3 Authentication unsuccessful";

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
        if !mechanism.eq_ignore_ascii_case("XOAUTH2") {
            return self.reply("504 5.7.4 Unrecognized authentication type");
        }
        let (form, response) = match initial {
            Some(initial) => {
                if length + 2 > INLINE_CAP {
                    self.violation(
                        "an AUTH line with an initial response is longer than 512 octets",
                    );
                }
                // RFC 4954 §4: a single `=` is a response of no octets.
                (
                    AuthForm::Inline,
                    if initial == "=" {
                        Vec::new()
                    } else {
                        initial.as_bytes().to_vec()
                    },
                )
            }
            None => {
                self.reply("334 ")?;
                match self.auth_line().await? {
                    Line::TooLong => {
                        self.heard("<redacted>");
                        self.violation("a line of AUTH is too long");
                        return self.reply("500 5.5.6 Authentication exchange line is too long");
                    }
                    Line::Whole(line) if line == b"*" => {
                        self.heard("*");
                        return self.reply("501 5.7.0 Authentication cancelled");
                    }
                    Line::Whole(line) => {
                        self.heard("<redacted>");
                        (AuthForm::TwoStep, line)
                    }
                }
            }
        };
        if self.wire.buffered() > 0 {
            self.violation("octets sent behind credentials that are not answered yet");
        }
        self.judge(form, &response).await
    }

    async fn judge(&mut self, form: AuthForm, response: &[u8]) -> Result<(), End> {
        let turn = self.plan.reach(Step::Auth);
        let credentials = xoauth2::decode(response);
        let user = credentials
            .as_ref()
            .map(|credentials| credentials.user.clone())
            .unwrap_or_default();
        let code = turn
            .reply
            .as_deref()
            .and_then(|text| text.get(..3))
            .and_then(|code| code.parse().ok());
        if !turn.proceeds() {
            self.note_auth(form, &user, code.unwrap_or(0));
            return self.conclude(turn, REFUSED).await;
        }
        // A scripted success is one, whatever the token.
        let status = match &credentials {
            _ if turn.reply.is_some() => None,
            Err(Malformed::Base64) => {
                self.violation("a response of AUTH is not base64");
                self.note_auth(form, &user, 501);
                return self
                    .conclude(turn, "501 5.5.2 Cannot decode response")
                    .await;
            }
            Err(Malformed::Message) => {
                self.violation("a response of AUTH is no XOAUTH2 message");
                Some("400")
            }
            Ok(credentials) => match self
                .world
                .accounts
                .judge(&credentials.user, &credentials.token)
            {
                TokenVerdict::Good => None,
                TokenVerdict::Bad => Some("401"),
                // As the one provider that documents it answers a token for something else.
                TokenVerdict::WrongScope => Some("400"),
            },
        };
        let Some(status) = status else {
            self.note_auth(form, &user, code.unwrap_or(235));
            self.record(|record| record.auth_user = Some(user.clone()));
            self.user = Some(user);
            return self.conclude(turn, TAKEN).await;
        };
        self.explain_refusal(status).await?;
        self.note_auth(form, &user, 535);
        self.refusals += 1;
        if self.refusals >= MOST_REFUSALS {
            return self.reply("421 4.7.0 Too many failed authentication attempts");
        }
        self.conclude(turn, REFUSED).await
    }

    /// The challenge that says why, and the client's line behind it. Whatever that line is, it is an
    /// answer and no command; it should be empty.
    async fn explain_refusal(&mut self, status: &str) -> Result<(), End> {
        self.reply(&format!("334 {}", xoauth2::refusal(status)))?;
        match self.auth_line().await? {
            Line::Whole(line) if line.is_empty() => self.heard(""),
            Line::Whole(line) if line == b"*" => self.heard("*"),
            Line::Whole(_) | Line::TooLong => {
                self.heard("<redacted>");
                self.violation("the answer to the challenge of a refused token is not empty");
            }
        }
        Ok(())
    }

    fn note_auth(&self, form: AuthForm, user: &str, reply: u16) {
        let facts = AuthFacts {
            mechanism: "XOAUTH2".to_owned(),
            form,
            user: user.to_owned(),
            reply,
        };
        self.record(|record| record.auth = Some(facts));
    }
}
