//! A cache, a Keeper's record and a token endpoint in memory.

use super::*;

/// A cache that remembers, forgets or lies.
#[derive(Default)]
pub struct MemoryCache {
    pub values: RefCell<BTreeMap<String, Vec<u8>>>,
    pub ttls: RefCell<Vec<u64>>,
    /// Looks, at each write, whether what should be stored before it is.
    pub stored_first: RefCell<Option<Rc<Cell<bool>>>>,
    pub seen_stored: Cell<bool>,
    pub broken: Cell<bool>,
    /// The next write takes a while, in which others may run.
    pub slow: Cell<bool>,
    /// Writes that have begun.
    pub begun: Cell<usize>,
}

impl TokenCache for MemoryCache {
    async fn get(&self, record: &str) -> Option<Vec<u8>> {
        self.values
            .borrow()
            .get(record)
            .filter(|_| !self.broken.get())
            .cloned()
    }

    async fn put(&self, record: &str, value: &[u8], ttl_seconds: u64) {
        let stored = self
            .stored_first
            .borrow()
            .as_ref()
            .is_some_and(|stored| stored.get());
        self.seen_stored.set(stored);
        self.begun.set(self.begun.get() + 1);
        let mut polls = if self.slow.take() { 8 } else { 0 };
        poll_fn(|_| {
            if polls == 0 {
                return Poll::Ready(());
            }
            polls -= 1;
            Poll::Pending
        })
        .await;
        if !self.broken.get() {
            self.values
                .borrow_mut()
                .insert(record.to_owned(), value.to_vec());
            self.ttls.borrow_mut().push(ttl_seconds);
        }
    }
}

/// A Keeper's record in memory.
pub struct MemoryCustody {
    pub record: RefCell<Option<String>>,
    pub metadata: RefCell<Option<String>>,
    /// Whether a record with an access token is stored.
    pub has_access: Rc<Cell<bool>>,
    pub writes: Cell<Writes>,
    pub alarm: Cell<Option<UnixMillis>>,
}

impl MemoryCustody {
    pub fn new() -> Self {
        Self {
            record: RefCell::default(),
            metadata: RefCell::default(),
            has_access: Rc::default(),
            writes: Cell::new(Writes::Work),
            alarm: Cell::default(),
        }
    }
}

impl TokenCustody for MemoryCustody {
    fn load(&self) -> Result<Option<String>, StoreFault> {
        Ok(self.record.borrow().clone())
    }

    fn store(&self, record: &str) -> Result<(), StoreFault> {
        let writes = match self.writes.get() {
            Writes::FailAfter(0) => Writes::Fail,
            Writes::FailAfter(left) => {
                self.writes.set(Writes::FailAfter(left - 1));
                Writes::Work
            }
            other => other,
        };
        if writes != Writes::Fail {
            self.has_access.set(!record.contains("\"access\":null"));
            self.record.replace(Some(record.to_owned()));
        }
        if writes == Writes::Work {
            Ok(())
        } else {
            Err(StoreFault)
        }
    }

    fn load_metadata(&self) -> Option<String> {
        self.metadata.borrow().clone()
    }

    fn store_metadata(&self, metadata: &str) {
        if self.writes.get() == Writes::Work {
            self.metadata.replace(Some(metadata.to_owned()));
        }
    }

    fn arm(&self, at: Option<UnixMillis>) -> Result<(), StoreFault> {
        self.alarm.set(at);
        Ok(())
    }
}

/// A token endpoint that gives the answers it was told, the last one for ever.
pub struct ScriptedProvider {
    pub answers: RefCell<VecDeque<(u16, String)>>,
    pub requests: RefCell<Vec<String>>,
    /// Where each of them went.
    pub addresses: RefCell<Vec<String>>,
    /// The `Authorization` of each.
    pub authorizations: RefCell<Vec<Option<String>>>,
}

impl ScriptedProvider {
    pub fn new<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let answers = answers
            .map(|(status, body)| (status, body.to_owned()))
            .into();
        Self {
            answers: RefCell::new(answers),
            requests: RefCell::default(),
            addresses: RefCell::default(),
            authorizations: RefCell::default(),
        }
    }
}

impl HttpClient for ScriptedProvider {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, HttpFault> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.requests.borrow_mut().push(body);
        let address = request.uri().to_string();
        self.addresses.borrow_mut().push(address);
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        self.authorizations.borrow_mut().push(authorization);
        // The round trip: others may run meanwhile.
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let mut answers = self.answers.borrow_mut();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        let (status, body) = answer.ok_or(HttpFault::Connection)?;
        if status == 0 {
            return Err(HttpFault::TimedOut);
        }
        let answer = http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(body.into_bytes());
        answer.map_err(|_| HttpFault::Connection)
    }
}
