//! A mail server that serves whatever comes, by the rules and no more.

use super::*;

/// Transactions, one after the other.
pub struct Service {
    recipients: Vec<String>,
    deliveries: Rc<RefCell<Vec<Vec<String>>>>,
    /// On its way to the client.
    answer: Option<String>,
}

impl Service {
    pub fn new(deliveries: &Rc<RefCell<Vec<Vec<String>>>>) -> Self {
        Self {
            recipients: Vec::new(),
            deliveries: Rc::clone(deliveries),
            answer: None,
        }
    }

    /// The answer to the command before. Where there is none the next is heard, and answered when
    /// this is asked again: an answer takes its time, in which others may run, or die.
    pub fn answer(&mut self, unread: &mut Vec<u8>, most: usize) -> Option<String> {
        let answer = self.answer.take();
        if answer.is_none() {
            self.answer = self.hear(unread, most);
        }
        answer
    }

    /// Hears the first command of what was not heard yet, if it is there whole.
    fn hear(&mut self, unread: &mut Vec<u8>, most: usize) -> Option<String> {
        let end = unread.windows(2).position(|two| two == b"\r\n")? + 2;
        let line = String::from_utf8_lossy(&unread[..end - 2]).into_owned();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let mut whole = end;
        let answer = match verb {
            "MAIL" | "RSET" => {
                self.recipients.clear();
                "250 ok"
            }
            "RCPT" if self.recipients.len() >= most => "452 4.5.3 too many recipients",
            "RCPT" => {
                self.recipients.push(rest.to_owned());
                "250 ok"
            }
            "BDAT" => {
                let octets = rest.strip_suffix(" LAST").expect("one chunk");
                whole += octets.parse::<usize>().expect("a number");
                if unread.len() < whole {
                    return None;
                }
                let taken = std::mem::take(&mut self.recipients);
                self.deliveries.borrow_mut().push(taken);
                "250 2.0.0 queued"
            }
            "QUIT" => "221 bye",
            _ => panic!("not served: {line}"),
        };
        unread.drain(..whole);
        Some(format!("{answer}\r\n"))
    }
}
