//! A mail server that speaks its part.

use super::*;

/// What a scripted server does next.
#[derive(Clone, Debug)]
pub enum Move {
    /// Says this, whenever the client waits.
    Say(&'static str),
    /// Waits for a whole line, and does not care what it says.
    Hear,
    /// Waits for the end of content.
    HearContent,
    /// Waits for a line `BDAT n LAST` and the n octets behind it.
    HearBdat,
    /// The handshake that the client starts now succeeds.
    Tls,
    /// Says nothing for so long, on a server that has a clock.
    Pause(Duration),
    /// The same, since it has begun.
    PauseUntil(UnixMillis),
    /// Takes no octet that is written from here on.
    Choke,
    /// Others may run meanwhile.
    Yield,
    /// Closes.
    Close,
}

/// A server that speaks its part, a new part for each connection.
pub struct ScriptedServer {
    pub parts: RefCell<VecDeque<Vec<Move>>>,
    pub connections: Cell<usize>,
    pub heard: Rc<RefCell<Vec<u8>>>,
    pub open: Rc<Cell<usize>>,
    pub most_open: Cell<usize>,
    /// How TLS was to begin on the last connection.
    pub tls: Cell<Option<TlsMode>>,
    /// Closing a connection never ends, as it may in the platform.
    pub never_closes: Cell<bool>,
    /// For a server that takes its time.
    pub clock: RefCell<Option<VirtualClock>>,
    /// When each line was heard, and the end of each content.
    pub lines: Rc<RefCell<Vec<(UnixMillis, String)>>>,
}

impl ScriptedServer {
    pub fn new(parts: Vec<Vec<Move>>) -> Self {
        Self {
            parts: RefCell::new(parts.into()),
            connections: Cell::new(0),
            heard: Rc::default(),
            open: Rc::default(),
            most_open: Cell::new(0),
            tls: Cell::new(None),
            never_closes: Cell::new(false),
            clock: RefCell::default(),
            lines: Rc::default(),
        }
    }

    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.borrow()).into_owned()
    }
}

impl Connector for ScriptedServer {
    type Connection = ScriptedConnection;

    async fn connect(
        &self,
        _: &str,
        _: u16,
        tls: TlsMode,
    ) -> Result<ScriptedConnection, ConnectionFault> {
        self.tls.set(Some(tls));
        self.connections.set(self.connections.get() + 1);
        // The round trip that connecting takes: others may run meanwhile.
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let part = self.parts.borrow_mut().pop_front().ok_or(ConnectionFault)?;
        self.open.set(self.open.get() + 1);
        self.most_open
            .set(self.most_open.get().max(self.open.get()));
        Ok(ScriptedConnection {
            part: RefCell::new(part.into()),
            unread: RefCell::default(),
            heard: Rc::clone(&self.heard),
            open: Rc::clone(&self.open),
            never_closes: self.never_closes.get(),
            clock: self.clock.borrow().clone(),
            lines: Rc::clone(&self.lines),
        })
    }
}

pub struct ScriptedConnection {
    part: RefCell<VecDeque<Move>>,
    unread: RefCell<Vec<u8>>,
    heard: Rc<RefCell<Vec<u8>>>,
    open: Rc<Cell<usize>>,
    never_closes: bool,
    clock: Option<VirtualClock>,
    lines: Rc<RefCell<Vec<(UnixMillis, String)>>>,
}

impl Drop for ScriptedConnection {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

impl ScriptedConnection {
    /// Hears what was written, as far as the part goes.
    fn listen(&self) {
        let mut unread = self.unread.borrow_mut();
        let mut part = self.part.borrow_mut();
        loop {
            let end = match part.front() {
                Some(Move::Hear) => unread
                    .windows(2)
                    .position(|two| two == b"\r\n")
                    .map(|at| at + 2),
                Some(Move::HearContent) if unread.starts_with(b".\r\n") => Some(3),
                Some(Move::HearBdat) => {
                    bdat_length(&unread).filter(|length| unread.len() >= *length)
                }
                Some(Move::HearContent) => unread
                    .windows(5)
                    .position(|five| five == b"\r\n.\r\n")
                    .map(|at| at + 5),
                _ => None,
            };
            let Some(end) = end else { return };
            let octets: Vec<u8> = unread.drain(..end).collect();
            if let Some(clock) = &self.clock {
                let line = String::from_utf8_lossy(&octets).into_owned();
                self.lines.borrow_mut().push((clock.now(), line));
            }
            self.heard.borrow_mut().extend(octets);
            part.pop_front();
        }
    }
}

/// The octets of a BDAT line and of what it announces.
fn bdat_length(unread: &[u8]) -> Option<usize> {
    let line = unread.windows(2).position(|two| two == b"\r\n")?;
    let text = std::str::from_utf8(&unread[..line]).unwrap();
    let octets = text
        .strip_prefix("BDAT ")
        .and_then(|rest| rest.strip_suffix(" LAST"))
        .unwrap_or_else(|| panic!("no BDAT: {text}"));
    Some(line + 2 + octets.parse::<usize>().unwrap())
}

impl Connection for ScriptedConnection {
    async fn read(&self) -> Result<Option<Vec<u8>>, ConnectionFault> {
        loop {
            let next = poll_fn(|_| {
                self.listen();
                let mut part = self.part.borrow_mut();
                match part.front().cloned() {
                    Some(Move::Say(_) | Move::Pause(_) | Move::PauseUntil(_)) => {
                        Poll::Ready(part.pop_front())
                    }
                    Some(Move::Close) => Poll::Ready(None),
                    Some(Move::Yield) => {
                        part.pop_front();
                        Poll::Pending
                    }
                    _ => Poll::Pending,
                }
            })
            .await;
            let clock = || self.clock.as_ref().expect("a server with a clock");
            let until = match next {
                Some(Move::Say(text)) => return Ok(Some(text.as_bytes().to_vec())),
                Some(Move::Pause(time)) => clock().now().after(time),
                Some(Move::PauseUntil(until)) => until,
                _ => return Ok(None),
            };
            // Whoever gives up reading does not make it shorter.
            self.part.borrow_mut().push_front(Move::PauseUntil(until));
            clock().sleep_until(until).await;
            self.part.borrow_mut().pop_front();
        }
    }

    async fn write(&self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        if matches!(self.part.borrow().front(), Some(Move::Close)) {
            return Err(ConnectionFault);
        }
        poll_fn(|_| match self.part.borrow().front() {
            Some(Move::Choke) => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        self.unread.borrow_mut().extend(octets);
        self.listen();
        Ok(())
    }

    async fn start_tls(&self) -> Result<(), ConnectionFault> {
        match self.part.borrow_mut().pop_front() {
            Some(Move::Tls) => Ok(()),
            _ => Err(ConnectionFault),
        }
    }

    async fn close(&self) {
        if self.never_closes {
            std::future::pending::<()>().await;
        }
    }
}
