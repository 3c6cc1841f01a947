//! Short ways to write a fault.

use super::{Fault, Flow, Garbage, How, Segment, Step, When};

impl Fault {
    /// `text` at each `step`.
    pub fn reply(step: Step, text: impl Into<String>) -> Self {
        Self::Reply {
            step,
            nth: None,
            text: text.into(),
        }
    }

    /// The connection ends with FIN before the reply to `step`.
    pub fn drop_before(step: Step) -> Self {
        Self::drop(step, When::BeforeReply, How::Fin)
    }

    /// The connection ends with FIN after the reply to `step`.
    pub fn drop_after(step: Step) -> Self {
        Self::drop(step, When::AfterReply, How::Fin)
    }

    /// The connection ends at `step`.
    pub fn drop(step: Step, when: When, how: How) -> Self {
        Self::Drop {
            step,
            nth: None,
            when,
            how,
        }
    }

    /// The connection ends when so many octets have passed.
    pub fn cut(flow: Flow, octets: u64, how: How) -> Self {
        Self::Cut { flow, octets, how }
    }

    /// `step` is never answered.
    pub fn stall(step: Step) -> Self {
        Self::Stall { step, nth: None }
    }

    /// `step` is answered so many milliseconds late.
    pub fn delay(step: Step, millis: u64) -> Self {
        Self::Delay {
            step,
            nth: None,
            millis,
        }
    }

    /// The reply to `step` is spoiled.
    pub fn garbage(step: Step, garbage: Garbage) -> Self {
        Self::Garbage {
            step,
            nth: None,
            garbage,
        }
    }

    /// Behind the reply to `step` comes another.
    pub fn unasked(step: Step, segment: Segment, text: impl Into<String>) -> Self {
        Self::Unasked {
            step,
            nth: None,
            segment,
            text: text.into(),
        }
    }

    /// The reply to `step` comes octet by octet, `pause_millis` apart.
    pub fn trickle(step: Step, pause_millis: u64) -> Self {
        Self::Trickle {
            step,
            nth: None,
            octets: 1,
            pause_millis,
        }
    }

    /// The keyword lines behind TLS.
    pub fn offers_after_tls<'a>(keywords: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Capabilities {
            before_tls: None,
            after_tls: Some(keywords.into_iter().map(ToOwned::to_owned).collect()),
        }
    }

    /// This keyword, or mechanism of AUTH, is missing.
    pub fn without(keyword: impl Into<String>) -> Self {
        Self::Without(keyword.into())
    }

    /// The same fault, but only the nth time its step is reached on the connection, from 1. Faults
    /// that have no step stay as they are.
    #[must_use]
    pub fn only(mut self, n: u32) -> Self {
        match &mut self {
            Self::Reply { nth, .. }
            | Self::Garbage { nth, .. }
            | Self::Unasked { nth, .. }
            | Self::Trickle { nth, .. }
            | Self::Drop { nth, .. }
            | Self::Stall { nth, .. }
            | Self::Delay { nth, .. } => {
                *nth = Some(n);
            }
            _ => {}
        }
        self
    }
}
