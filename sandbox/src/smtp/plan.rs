//! A connection's script, asked step by step.

use std::collections::HashMap;
use std::time::Duration;

use super::script::{BadCertificate, Fault, How, Script, Segment, Step, When};

/// The script of one connection and how often each step was reached.
#[derive(Debug)]
pub(crate) struct Plan {
    faults: Vec<Fault>,
    reached: HashMap<Step, u32>,
}

/// What is different about one step, this time.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) delay: Option<Duration>,
    pub(crate) stall: bool,
    pub(crate) drop_before: bool,
    pub(crate) reply: Option<String>,
    pub(crate) drop_after: bool,
}

impl Turn {
    /// Whether the step is to be carried out: always, unless its reply is to be a refusal.
    pub(crate) fn proceeds(&self) -> bool {
        self.reply
            .as_ref()
            .is_none_or(|text| text.starts_with(['2', '3']))
    }
}

impl Plan {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            faults: script.faults,
            reached: HashMap::new(),
        }
    }

    /// Counts `step` and says what is different about it.
    pub(crate) fn reach(&mut self, step: Step) -> Turn {
        let count = self.reached.entry(step).or_insert(0);
        *count = count.saturating_add(1);
        let now = |at: Step, nth: Option<u32>| at == step && nth.is_none_or(|nth| nth == *count);
        let mut turn = Turn::default();
        for fault in &self.faults {
            match fault {
                Fault::Reply { step, nth, text } if now(*step, *nth) => {
                    turn.reply = Some(text.clone())
                }
                Fault::Drop { step, nth, when } if now(*step, *nth) => match when {
                    When::BeforeReply => turn.drop_before = true,
                    When::AfterReply => turn.drop_after = true,
                },
                Fault::Stall { step, nth } if now(*step, *nth) => turn.stall = true,
                Fault::Delay { step, nth, millis } if now(*step, *nth) => {
                    turn.delay = Some(Duration::from_millis(*millis));
                }
                _ => {}
            }
        }
        turn
    }

    pub(crate) fn resets_on_accept(&self) -> bool {
        self.faults.contains(&Fault::ResetOnAccept)
    }

    pub(crate) fn has_no_start_tls(&self) -> bool {
        self.faults.contains(&Fault::NoStartTls)
    }

    pub(crate) fn refuses_ehlo(&self) -> bool {
        self.faults.contains(&Fault::EhloRefused)
    }

    pub(crate) fn bad_certificate(&self) -> Option<BadCertificate> {
        self.find(|fault| match fault {
            Fault::Certificate(which) => Some(*which),
            _ => None,
        })
    }

    pub(crate) fn injection(&self) -> Option<(Segment, String)> {
        self.find(|fault| match fault {
            Fault::InjectAfterStartTls { segment, bytes } => Some((*segment, bytes.clone())),
            _ => None,
        })
    }

    pub(crate) fn close_with_start_tls(&self) -> Option<How> {
        self.find(|fault| match fault {
            Fault::CloseWithStartTls { how } => Some(*how),
            _ => None,
        })
    }

    /// After how many octets of content the connection dies.
    pub(crate) fn drop_in_content(&self) -> Option<u64> {
        self.find(|fault| match fault {
            Fault::DropInContent { octets } => Some(*octets),
            _ => None,
        })
    }

    /// The keyword lines of EHLO, if they are not the normal ones.
    pub(crate) fn capabilities(&self, tls: bool) -> Option<Vec<String>> {
        self.find(|fault| match fault {
            Fault::Capabilities {
                before_tls,
                after_tls,
            } => {
                if tls {
                    after_tls.clone()
                } else {
                    before_tls.clone()
                }
            }
            _ => None,
        })
    }

    fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.iter().find_map(pick)
    }
}
