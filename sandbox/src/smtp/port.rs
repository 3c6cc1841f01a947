//! A submission port with the scripts of its connections.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::connection::{self, Door};
use super::script::{Script, Security};
use crate::net;
use crate::sync::lock;
use crate::world::World;

/// A submission port. It serves as long as its sandbox, whether or not the handle is kept; clones
/// are handles to the same port.
#[derive(Debug, Clone)]
pub struct SmtpPort {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    security: Security,
    scripts: Mutex<Scripts>,
    state: Mutex<State>,
    runtime: Handle,
    world: Weak<World>,
}

#[derive(Debug)]
struct Scripts {
    /// For the connections to come, first one first.
    next: std::collections::VecDeque<Script>,
    then: Script,
    taken: u32,
}

#[derive(Debug)]
enum State {
    /// Sending on it ends the listener, which answers when it is gone.
    Open(oneshot::Sender<mpsc::Sender<()>>),
    /// The port is bound and refuses whoever connects.
    Closed(socket2::Socket),
    /// Only while it changes.
    Changing,
}

/// How long the listener's task may take to let go of it. It does nothing that waits.
const LET_GO: Duration = Duration::from_secs(10);

impl SmtpPort {
    pub(crate) fn open(
        world: &Arc<World>,
        runtime: &Handle,
        port: u16,
        security: Security,
        scripts: Vec<Script>,
        then: Script,
    ) -> io::Result<Self> {
        let listener = net::listen(port)?;
        let port = listener.local_addr()?.port();
        let scripts = Scripts {
            next: scripts.into(),
            then,
            taken: 0,
        };
        let shared = Arc::new(Shared {
            port,
            security,
            scripts: Mutex::new(scripts),
            state: Mutex::new(State::Changing),
            runtime: runtime.clone(),
            world: Arc::downgrade(world),
        });
        *lock(&shared.state) = shared.listen(listener)?;
        let opened = Self { shared };
        // For the pages and the JSON API to script, close and reopen.
        lock(&world.ports).insert(port, opened.clone());
        Ok(opened)
    }

    /// Its number.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// When TLS begins.
    pub fn security(&self) -> Security {
        self.shared.security
    }

    /// The scripts of the connections to come, in order, and the one of all after them.
    pub fn scripted(&self) -> (Vec<Script>, Script) {
        let current = lock(&self.shared.scripts);
        (current.next.iter().cloned().collect(), current.then.clone())
    }

    /// One more script, for the connection behind those that have one.
    pub fn script_one_more(&self, script: Script) {
        lock(&self.shared.scripts).next.push_back(script);
    }

    /// New scripts for the connections to come; those that are open keep theirs.
    pub fn script(&self, scripts: Vec<Script>, then: Script) {
        let mut current = lock(&self.shared.scripts);
        current.next = scripts.into();
        current.then = then;
    }

    /// Closes the listener, so that whoever connects is refused, and keeps the number for
    /// [`SmtpPort::reopen`]. Open connections live on. Does nothing when it is closed.
    ///
    /// # Errors
    /// When another process took the number in that moment.
    pub fn close(&self) -> io::Result<()> {
        let mut state = lock(&self.shared.state);
        match std::mem::replace(&mut *state, State::Changing) {
            State::Open(stop) => {
                let (gone, wait) = mpsc::channel();
                if stop.send(gone).is_ok() {
                    let _ = wait.recv_timeout(LET_GO);
                }
                *state = State::Closed(net::reserve(self.shared.port)?);
            }
            other => *state = other,
        }
        Ok(())
    }

    /// Opens the listener again. Scripts and the count of connections go on where they were. Does
    /// nothing when it is open.
    ///
    /// # Errors
    /// When the sandbox is gone, or another process took the number.
    pub fn reopen(&self) -> io::Result<()> {
        let mut state = lock(&self.shared.state);
        match std::mem::replace(&mut *state, State::Changing) {
            State::Open(stop) => *state = State::Open(stop),
            State::Closed(reserved) => {
                drop(reserved);
                *state = self.shared.listen(net::listen(self.shared.port)?)?;
            }
            State::Changing => *state = self.shared.listen(net::listen(self.shared.port)?)?,
        }
        Ok(())
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: StdListener) -> io::Result<State> {
        let world = self
            .world
            .upgrade()
            .ok_or_else(|| io::Error::other("the sandbox is gone"))?;
        let listener = {
            let _inside = self.runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        self.runtime
            .spawn(take_connections(Arc::clone(self), world, listener, stopped));
        Ok(State::Open(stop))
    }

    fn next_script(&self) -> (u32, Script) {
        let mut scripts = lock(&self.scripts);
        scripts.taken = scripts.taken.saturating_add(1);
        let script = scripts
            .next
            .pop_front()
            .unwrap_or_else(|| scripts.then.clone());
        (scripts.taken, script)
    }
}

async fn take_connections(
    shared: Arc<Shared>,
    world: Arc<World>,
    listener: TcpListener,
    mut stopped: oneshot::Receiver<mpsc::Sender<()>>,
) {
    loop {
        tokio::select! {
            biased;
            stop = &mut stopped => {
                drop(listener);
                if let Ok(gone) = stop {
                    let _ = gone.send(());
                }
                return;
            }
            taken = listener.accept() => match taken {
                Ok((stream, _)) => {
                    let (ordinal, script) = shared.next_script();
                    let door = Door { port: shared.port, ordinal, security: shared.security };
                    tokio::spawn(connection::serve(Arc::clone(&world), stream, door, script));
                }
                // Out of file descriptors, or the peer was gone already: neither is a reason to stop.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}
