//! Ending a session before its work is done, without a doubt about any message.

use super::{Cause, Failure, Output, Session, State};

impl Session {
    /// Whether [`Self::halt`] would end the session now. It would not while a message is with the
    /// server, which may have accepted it: whoever left then would not know.
    pub fn can_halt(&self) -> bool {
        !matches!(
            self.state,
            State::Ready | State::Acceptance | State::Quit | State::Done(_)
        )
    }

    /// No MAIL is written from here on. What is under way ends at once where the server cannot have
    /// accepted it, because its last octet was not given out to be sent, and else with the server's
    /// answer. A session that is ready stays so, for a QUIT.
    pub fn halt(&mut self) {
        self.halted = true;
        if !self.can_halt() {
            return;
        }
        if let Some(progress) = self.progress.take() {
            let outcomes = progress.lost(Cause::Stopped);
            self.outputs.push_back(Output::Concluded(outcomes));
        }
        self.fail(Failure::of_message(Cause::Stopped));
    }
}
