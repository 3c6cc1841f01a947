//! A connection's script, asked step by step.

use std::collections::HashMap;
use std::time::Duration;

use super::script::{
    BadCertificate, Fault, Flow, Garbage, How, OldAnswer, OldVersion, Script, Segment, Step, When,
};

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
    pub(crate) drop_before: Option<How>,
    pub(crate) reply: Option<String>,
    pub(crate) garbage: Option<Garbage>,
    pub(crate) trickle: Option<Trickle>,
    pub(crate) unasked: Vec<(Segment, String)>,
    pub(crate) drop_after: Option<How>,
}

/// The reply in pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trickle {
    pub(crate) octets: usize,
    pub(crate) pause: Duration,
}

/// What becomes of a client that says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Idle {
    pub(crate) limit: Duration,
    pub(crate) text: Option<String>,
    pub(crate) how: How,
}

impl Turn {
    /// Whether the step is to be carried out: always, unless its reply is to be a refusal.
    pub(crate) fn proceeds(&self) -> bool {
        self.reply
            .as_ref()
            .is_none_or(|text| text.starts_with(['2', '3']))
    }

    /// Whether the scripted reply is 3yz.
    pub(crate) fn asks_for_more(&self) -> bool {
        self.reply
            .as_ref()
            .is_some_and(|text| text.starts_with('3'))
    }

    /// The code of the scripted reply, as far as it is one.
    pub(crate) fn code(&self) -> Option<u16> {
        self.reply
            .as_deref()
            .and_then(|text| text.get(..3))
            .and_then(|code| code.parse().ok())
    }

    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::Reply { text, .. } => self.reply = Some(text.clone()),
            Fault::Garbage { garbage, .. } => self.garbage = Some(garbage.clone()),
            Fault::Unasked { segment, text, .. } => self.unasked.push((*segment, text.clone())),
            Fault::Trickle {
                octets,
                pause_millis,
                ..
            } => {
                self.trickle = Some(Trickle {
                    octets: usize::try_from(*octets).unwrap_or(usize::MAX).max(1),
                    pause: Duration::from_millis(*pause_millis),
                });
            }
            Fault::Drop { when, how, .. } => match when {
                When::BeforeReply => self.drop_before = Some(*how),
                When::AfterReply => self.drop_after = Some(*how),
            },
            Fault::Stall { .. } => self.stall = true,
            Fault::Delay { millis, .. } => self.delay = Some(Duration::from_millis(*millis)),
            // Faults of the connection have no step.
            _ => {}
        }
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
        let mut turn = Turn::default();
        for fault in &self.faults {
            if let Some((at, nth)) = fault.place()
                && at == step
                && nth.is_none_or(|nth| nth == *count)
            {
                turn.add(fault);
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

    pub(crate) fn has_other_security(&self) -> bool {
        self.faults.contains(&Fault::OtherSecurity)
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

    pub(crate) fn old_tls(&self) -> Option<(OldVersion, OldAnswer)> {
        self.find(|fault| match fault {
            Fault::OldTls { version, answer } => Some((*version, *answer)),
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

    /// After how many octets of a flow the connection ends, and how.
    pub(crate) fn cut(&self, flow: Flow) -> Option<(u64, How)> {
        self.faults
            .iter()
            .filter_map(|fault| match fault {
                Fault::Cut {
                    flow: this,
                    octets,
                    how,
                } if *this == flow => Some((*octets, *how)),
                _ => None,
            })
            .min_by_key(|(octets, _)| *octets)
    }

    pub(crate) fn idle(&self) -> Option<Idle> {
        self.find(|fault| match fault {
            Fault::Idle { millis, text, how } => Some(Idle {
                limit: Duration::from_millis(*millis),
                text: text.clone(),
                how: *how,
            }),
            _ => None,
        })
    }

    /// What the server calls itself.
    pub(crate) fn name(&self) -> String {
        let scripted = self.find(|fault| match fault {
            Fault::Name(name) => Some(name.clone()),
            _ => None,
        });
        scripted.unwrap_or_else(|| "localhost".to_owned())
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

    /// Whether a keyword or mechanism is to be missing.
    pub(crate) fn is_without(&self, keyword: &str) -> bool {
        self.faults.iter().any(
            |fault| matches!(fault, Fault::Without(this) if this.eq_ignore_ascii_case(keyword)),
        )
    }

    pub(crate) fn max_recipients(&self) -> Option<usize> {
        self.find(|fault| match fault {
            Fault::MaxRecipients(most) => usize::try_from(*most).ok(),
            _ => None,
        })
    }

    pub(crate) fn max_size(&self) -> Option<usize> {
        self.find(|fault| match fault {
            Fault::MaxSize(most) => Some(usize::try_from(*most).unwrap_or(usize::MAX)),
            _ => None,
        })
    }

    fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.iter().find_map(pick)
    }
}
