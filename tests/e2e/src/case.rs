//! A case as data: what it is called, what its provider does wrong, and what is then looked at.

use edgepost_sandbox::{AccountSettings, Fault, Script, TokenFault};

use crate::Site;

/// One case.
pub struct Case {
    /// The test's name, beginning with the case's identifier.
    pub name: String,
    /// Its mailbox, form and provider.
    pub setup: Setup,
    /// What is done and looked at. Panics when it is not as promised.
    pub check: Box<dyn Fn(&Site) + Send + Sync>,
}

impl Case {
    /// A case with a provider in good order.
    pub fn new(name: impl Into<String>, check: impl Fn(&Site) + Send + Sync + 'static) -> Self {
        Self::with(name, Setup::default(), check)
    }

    /// A case of the API, with a provider in good order.
    pub fn api(name: impl Into<String>, check: impl Fn(&Site) + Send + Sync + 'static) -> Self {
        Self::with(name, Setup::api(), check)
    }

    /// A case with this setup.
    pub fn with(
        name: impl Into<String>,
        setup: Setup,
        check: impl Fn(&Site) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            setup,
            check: Box::new(check),
        }
    }
}

/// How many mailboxes a case has, and what its provider does wrong.
pub struct Setup {
    /// The first connections to the submission port, in order.
    pub connections: Vec<Script>,
    /// All connections after them.
    pub then: Script,
    /// How the account behaves.
    pub account: AccountSettings,
    /// What the token endpoint does at first; the case's submission port is given.
    pub token: fn(u16) -> Vec<TokenFault>,
    /// What it does after that.
    pub token_then: Option<TokenFault>,
    /// TLS begins with the connection.
    pub implicit_tls: bool,
    /// Where the mailbox is told to connect, if not to its own port.
    pub elsewhere: Option<Server>,
    /// Whether a grant is supplied to begin with. Without one the mailbox is connected in a browser.
    pub granted: bool,
    /// Whether the provider's entrance is at another origin than its consent page.
    pub federated: bool,
    /// Mailboxes, all on the one port and account.
    pub mailboxes: usize,
    /// Where the form sends a browser.
    pub redirect: Option<&'static str>,
    /// Whether there are API keys; its mail then goes to friends, and not to the form's owner.
    pub api: bool,
}

/// A server that is not the sandbox's.
#[derive(Debug, Clone, Copy)]
pub struct Server {
    /// Its name.
    pub host: &'static str,
    /// Its port, or what listens on none.
    pub port: Port,
}

/// A port of another server.
#[derive(Debug, Clone, Copy)]
pub enum Port {
    /// This one.
    Number(u16),
    /// One on which nothing listens.
    Closed,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            connections: Vec::new(),
            then: Script::none(),
            account: AccountSettings::default(),
            token: |_| Vec::new(),
            token_then: None,
            implicit_tls: false,
            elsewhere: None,
            granted: true,
            federated: false,
            mailboxes: 1,
            redirect: None,
            api: false,
        }
    }
}

impl Setup {
    /// Everything in good order, and keys to the API.
    #[must_use]
    pub fn api() -> Self {
        Self {
            api: true,
            ..Self::default()
        }
    }

    /// Everything in good order, and nobody has consented yet.
    #[must_use]
    pub fn not_connected() -> Self {
        Self {
            granted: false,
            ..Self::default()
        }
    }

    /// Every connection meets this.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self {
            then: Script::of([fault]),
            ..Self::default()
        }
    }

    /// Every connection meets all of these.
    #[must_use]
    pub fn all(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            then: Script::of(faults),
            ..Self::default()
        }
    }

    /// The same of servers that call themselves one of Exchange Online's over TLS: its rules count
    /// for their answers.
    #[must_use]
    pub fn of_exchange(mut self) -> Self {
        for script in self.connections.iter_mut().chain([&mut self.then]) {
            script.faults.push(Fault::Name(
                "FR4P281CA0123.outlook.office365.com".to_owned(),
            ));
        }
        self
    }

    /// The same with TLS from the first octet.
    #[must_use]
    pub fn over_tls(self) -> Self {
        Self {
            implicit_tls: true,
            ..self
        }
    }

    /// The same with keys to the API.
    #[must_use]
    pub fn with_api(self) -> Self {
        Self { api: true, ..self }
    }

    /// The first connection meets this, all others are served.
    #[must_use]
    pub fn once(fault: Fault) -> Self {
        Self {
            connections: vec![Script::of([fault])],
            ..Self::default()
        }
    }

    /// The token endpoint always does this.
    #[must_use]
    pub fn token_always(fault: TokenFault) -> Self {
        Self {
            token_then: Some(fault),
            ..Self::default()
        }
    }
}
