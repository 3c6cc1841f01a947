//! A client that says whatever it is told, as the core's never would: it shows that what the cases
//! guard against does happen, and that the rig would see it.

use std::rc::Rc;
use std::time::Duration;

use edgepost::app::ports::{Connection, Connector};
use edgepost::tls::TlsMode;
use tokio::runtime::{Builder, Runtime};

use crate::Server;
use crate::client::{HOST, auth_line};
use crate::dialogue::Dialogue;
use crate::net::{Network, Socket};

/// How long a reply is waited for. Every server here answers in a fraction of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the reply to QUIT is waited for: smtp-server says nothing more after a message that came
/// in one piece with its DATA.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// A session that is authenticated and does nothing by itself.
pub struct Raw {
    socket: Socket,
    runtime: Runtime,
    dialogue: Rc<Dialogue>,
    /// What was read beyond the last reply.
    left: Vec<u8>,
}

impl Raw {
    /// Connects, over TLS or until it is, and authenticates.
    ///
    /// # Panics
    /// If the server refuses any of it.
    #[must_use]
    pub fn open(server: &Server) -> Self {
        let dialogue = Rc::new(Dialogue::default());
        let network = Network::trusting(server.authority_pem(), Rc::clone(&dialogue));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a loop");
        let socket = runtime
            .block_on(network.connect(HOST, server.port(), server.tls()))
            .expect("a connection");
        let mut raw = Self {
            socket,
            runtime,
            dialogue,
            left: Vec::new(),
        };
        assert_eq!(raw.hear(), 220);
        if server.tls() == TlsMode::StartTls {
            assert_eq!(raw.ask("EHLO shop.test"), 250);
            assert_eq!(raw.ask("STARTTLS"), 220);
            raw.runtime
                .block_on(raw.socket.start_tls())
                .expect("a handshake");
        }
        assert_eq!(raw.ask("EHLO shop.test"), 250);
        assert_eq!(raw.ask(&auth_line(server.mechanism())), 235);
        raw
    }

    /// Says these octets. A server that is gone hears nothing.
    pub fn say(&mut self, octets: &[u8]) {
        let _ = self.runtime.block_on(self.socket.write(octets.to_vec()));
    }

    /// Says a command; answers the code of the reply.
    pub fn ask(&mut self, command: &str) -> u16 {
        self.say(format!("{command}\r\n").as_bytes());
        self.hear()
    }

    /// The code of the next reply, or 0 when none comes.
    pub fn hear(&mut self) -> u16 {
        self.hear_within(PATIENCE)
    }

    fn hear_within(&mut self, patience: Duration) -> u16 {
        loop {
            while let Some(end) = self.left.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.left.drain(..end + 2).collect();
                let line = String::from_utf8_lossy(&line).into_owned();
                if line.as_bytes().get(3) != Some(&b'-') {
                    return line
                        .get(..3)
                        .and_then(|code| code.parse().ok())
                        .unwrap_or(0);
                }
            }
            let reading = self.socket.read();
            let read = async { tokio::time::timeout(patience, reading).await };
            match self.runtime.block_on(read) {
                Ok(Ok(Some(octets))) => self.left.extend(octets),
                Ok(Ok(None) | Err(_)) | Err(_) => return 0,
            }
        }
    }

    /// Hears the server out, then says QUIT and closes.
    pub fn close(mut self) {
        // Behind whatever the server still answers.
        self.say(b"\r\nQUIT\r\n");
        while !matches!(self.hear_within(LAST_PATIENCE), 0 | 221) {}
        self.runtime.block_on(self.socket.close());
        self.dialogue.show();
    }
}
