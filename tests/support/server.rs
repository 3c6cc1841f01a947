//! A mail server that speaks its part.

use super::*;

/// What a scripted server does next.
#[derive(Clone, Debug)]
pub enum Move {
    /// Says this, whenever the client waits.
    Say(&'static str),
    /// Says this as soon as there is any octet that was not heard: it does not wait for the end.
    Interrupt(&'static str),
    /// Lets so much time pass first.
    Later(Duration),
    /// The next write is looked at so often in vain before it is settled, though its octets have
    /// long been heard and may be answered.
    Slowly(u32),
    /// The next write fails, and what was said before that is still there to be read.
    Break,
    /// Serves transactions by BDAT, in groups or one by one, as they come, and takes so many
    /// recipients in each.
    Serve(usize),
    /// Waits for a whole line, and does not care what it says.
    Hear,
    /// Waits for the end of content.
    HearContent,
    /// Waits for a line `BDAT n LAST` and the n octets behind it.
    HearBdat,
    /// The handshake that the client starts now succeeds.
    Tls,
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
    /// When each line was heard, and the end of each content.
    pub lines: Rc<RefCell<Vec<(UnixMillis, String)>>>,
    /// Connecting never ends: with implicit TLS, a handshake that stalls.
    pub never_connects: Cell<bool>,
    /// Who each message was taken for by a server that serves, in order.
    pub deliveries: Rc<RefCell<Vec<Vec<String>>>>,
    /// What was heard on each connection.
    pub dialogues: RefCell<Vec<Rc<RefCell<Vec<u8>>>>>,
    clock: VirtualClock,
}

impl ScriptedServer {
    pub fn new(parts: Vec<Vec<Move>>, clock: &VirtualClock) -> Self {
        Self {
            parts: RefCell::new(parts.into()),
            connections: Cell::new(0),
            heard: Rc::default(),
            open: Rc::default(),
            most_open: Cell::new(0),
            tls: Cell::new(None),
            never_closes: Cell::new(false),
            lines: Rc::default(),
            never_connects: Cell::new(false),
            deliveries: Rc::default(),
            dialogues: RefCell::default(),
            clock: clock.clone(),
        }
    }

    /// What was heard on one connection.
    pub fn heard_on(&self, connection: usize) -> String {
        let dialogues = self.dialogues.borrow();
        String::from_utf8_lossy(&dialogues[connection].borrow()).into_owned()
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
        if self.never_connects.get() {
            std::future::pending::<()>().await;
        }
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
        let dialogue = Rc::default();
        self.dialogues.borrow_mut().push(Rc::clone(&dialogue));
        Ok(ScriptedConnection {
            part: RefCell::new(part.into()),
            unread: RefCell::default(),
            heard: Rc::clone(&self.heard),
            dialogue,
            open: Rc::clone(&self.open),
            never_closes: self.never_closes.get(),
            lines: Rc::clone(&self.lines),
            clock: self.clock.clone(),
            later: Cell::new(None),
            reading: Cell::new(false),
            writing: Cell::new(false),
            service: RefCell::new(Service::new(&self.deliveries)),
        })
    }
}

pub struct ScriptedConnection {
    part: RefCell<VecDeque<Move>>,
    unread: RefCell<Vec<u8>>,
    heard: Rc<RefCell<Vec<u8>>>,
    dialogue: Rc<RefCell<Vec<u8>>>,
    open: Rc<Cell<usize>>,
    never_closes: bool,
    lines: Rc<RefCell<Vec<(UnixMillis, String)>>>,
    clock: VirtualClock,
    /// When the time that is to pass has passed.
    later: Cell<Option<UnixMillis>>,
    /// A read was begun and has not ended. As in the platform, it is kept when nobody waits for it
    /// any more.
    reading: Cell<bool>,
    /// A write was begun and has not ended.
    writing: Cell<bool>,
    service: RefCell<Service>,
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
            let heard: Vec<u8> = unread.drain(..end).collect();
            let line = String::from_utf8_lossy(&heard).into_owned();
            self.lines.borrow_mut().push((self.clock.now(), line));
            self.heard.borrow_mut().extend(&heard);
            self.dialogue.borrow_mut().extend(heard);
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
        self.reading.set(true);
        loop {
            let until = poll_fn(|_| {
                self.listen();
                let mut part = self.part.borrow_mut();
                match part.front().cloned() {
                    Some(Move::Interrupt(_)) if self.unread.borrow().is_empty() => Poll::Pending,
                    Some(Move::Say(text) | Move::Interrupt(text)) => {
                        part.pop_front();
                        Poll::Ready(Ok(Some(text.as_bytes().to_vec())))
                    }
                    Some(Move::Close) => Poll::Ready(Ok(None)),
                    Some(Move::Serve(most)) => {
                        let mut unread = self.unread.borrow_mut();
                        match self.service.borrow_mut().answer(&mut unread, most) {
                            Some(answer) => Poll::Ready(Ok(Some(answer.into_bytes()))),
                            None => Poll::Pending,
                        }
                    }
                    Some(Move::Later(by)) => {
                        let until = self.later.take().unwrap_or(self.clock.now().after(by));
                        if until > self.clock.now() {
                            self.later.set(Some(until));
                            return Poll::Ready(Err(until));
                        }
                        part.pop_front();
                        Poll::Ready(Err(until))
                    }
                    Some(Move::Yield) => {
                        part.pop_front();
                        Poll::Pending
                    }
                    _ => Poll::Pending,
                }
            });
            match until.await {
                Ok(read) => {
                    self.reading.set(false);
                    return Ok(read);
                }
                Err(until) => self.clock.sleep_until(until).await,
            }
        }
    }

    async fn write(&self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        assert!(!self.writing.get(), "the write before it was dropped");
        let next = self.part.borrow().front().cloned();
        match next {
            Some(Move::Close) => return Err(ConnectionFault),
            Some(Move::Break) => {
                self.part.borrow_mut().pop_front();
                return Err(ConnectionFault);
            }
            _ => self.writing.set(true),
        }
        poll_fn(|_| match self.part.borrow().front() {
            Some(Move::Choke) => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        let mut left = match next {
            Some(Move::Slowly(times)) => {
                self.part.borrow_mut().pop_front();
                times
            }
            _ => 0,
        };
        self.unread.borrow_mut().extend(octets);
        self.listen();
        poll_fn(|_| match left.checked_sub(1) {
            Some(less) => {
                left = less;
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
        self.writing.set(false);
        Ok(())
    }

    async fn start_tls(&self) -> Result<(), ConnectionFault> {
        assert!(!self.reading.get(), "a read in the clear outlives it");
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
