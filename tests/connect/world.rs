//! The operator's door with everything behind it, in memory.

#![allow(
    unreachable_pub,
    missing_debug_implementations,
    missing_docs,
    reason = "a test"
)]

use std::cell::{Cell, RefCell};

use edgepost::{
    app::{
        Accept, Answered, ConnectAnswer, ConnectQuestion, Disconnected, Drain, Email, Keeper,
        Mailboxes, Operator, OutboxUnavailable, Outboxes, Registrar, Registry, RegistryAnswer,
        RegistryQuestion, Request, Response, Standing, Story, TokenMemory, Unreachable,
        is_operators, learn,
        ports::{NotTold, OutboxStore, Served},
        resume,
    },
    config::{Config, Name},
    limits::OPERATOR_BODY_OCTETS,
    mail::Place,
    outbox::{EmailId, Health},
    outcome::Failure,
    seal::{Purpose, Sealer},
};
use futures_util::lock::Mutex;
use serde_json::{Value, json};

use crate::support::{
    MemoryAlerts, MemoryCache, MemoryCustody, MemoryStore, Move, Move::*, ScriptedProvider,
    ScriptedServer, SeededEntropy, VirtualClock,
};

pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const MONITOR_KEY: &str = "HxECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
pub const PUBLIC: &str = "https://mail.example.com";
pub const BROWSER: (&str, &str) = ("accept", "text/html");

/// What the provider grants for a good code.
pub const GRANTED: &str = r#"{"token_type":"Bearer","access_token":"canary-access","expires_in":3600,
    "refresh_token":"canary-refresh","scope":"https://mail.google.com/ openid"}"#;

pub struct World {
    pub config: Config,
    pub clock: VirtualClock,
    pub entropy: SeededEntropy,
    pub registry: MemoryCustody,
    pub custody: MemoryCustody,
    pub cache: MemoryCache,
    pub provider: ScriptedProvider,
    pub server: ScriptedServer,
    pub store: MemoryStore,
    pub unreachable: Cell<bool>,
    /// What the Outbox remembers of tokens.
    pub memory: TokenMemory,
    /// What Outboxes were told to begin anew, and with which grant.
    pub resumed: RefCell<Vec<(String, u32)>>,
    pub drain: Drain,
    pub alerts: MemoryAlerts,
    flight: Mutex<()>,
    unsaved: RefCell<Option<String>>,
}

pub fn vars() -> Value {
    json!({
        "PUBLIC_URL": PUBLIC,
        "ROOT_KEY": KEY,
        "OPERATOR_KEY": KEY,
        "MONITOR_KEY": MONITOR_KEY,
        "SECRET_CLIENT": "canary-client",
        "MAILBOX_SALES": {
            "address": "sales@shop.test", "provider": "google", "client_id": "client",
            "client_secret": "SECRET_CLIENT",
        },
        "MAILBOX_OTHER": { "address": "other@shop.test", "provider": "microsoft",
            "tenant": "shop.test", "client_id": "client" },
    })
}

/// A mail server that lets in whoever comes, over TLS from the start.
pub fn letting_in() -> Vec<Move> {
    vec![
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
        Hear,
        Say("235 ok\r\n"),
        Hear,
        Say("221 bye\r\n"),
        Close,
    ]
}

/// The same with STARTTLS.
pub fn letting_in_by_starttls() -> Vec<Move> {
    let before = [
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 STARTTLS\r\n"),
        Hear,
        Say("220 go\r\n"),
        Tls,
    ];
    let after = letting_in().into_iter().skip(1);
    before.into_iter().chain(after).collect()
}

/// One that does not, because the token is somebody else's.
pub fn refusing() -> Vec<Move> {
    let mut moves = letting_in();
    let answer = moves.len() - 4;
    moves[answer] = Say("535 5.7.3 Authentication unsuccessful\r\n");
    moves
}

impl World {
    pub fn new() -> Self {
        Self::with(&vars(), [(200, GRANTED)], vec![letting_in(); 3])
    }

    pub fn with<const N: usize>(
        vars: &Value,
        answers: [(u16, &str); N],
        parts: Vec<Vec<Move>>,
    ) -> Self {
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        let clock = VirtualClock::new();
        Self {
            config: Config::parse(&vars),
            entropy: SeededEntropy::new(3),
            registry: MemoryCustody::new(),
            custody: MemoryCustody::new(),
            cache: MemoryCache::default(),
            provider: ScriptedProvider::new(answers),
            server: ScriptedServer::new(parts),
            store: MemoryStore::new(),
            unreachable: Cell::new(false),
            memory: TokenMemory::default(),
            resumed: RefCell::default(),
            drain: Drain::default(),
            alerts: MemoryAlerts::new(&clock),
            flight: Mutex::new(()),
            unsaved: RefCell::default(),
            clock,
        }
    }

    /// The Keeper's alarm rings.
    pub fn ring(&self) {
        self.custody.alarm.set(None);
        let name = "sales".parse().unwrap();
        let mailbox = &self.config.mailboxes[&name];
        let woken = self.keeper(&name, async |keeper| {
            keeper.wake(mailbox, &self.server, self).await
        });
        self.clock.run(woken).unwrap();
    }

    /// `path` may have a query.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        assert!(is_operators(path), "{path}");
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
            binding: None,
        };
        let operator = Operator {
            config: &self.config,
            outboxes: self,
            mailboxes: self,
            registry: self,
            clock: &self.clock,
            entropy: &self.entropy,
        };
        let whole = body.len() <= OPERATOR_BODY_OCTETS;
        self.clock.run(operator.answer(&request, whole))
    }

    /// Signs in as a browser does.
    pub fn sign_in(&self) -> Browser<'_> {
        let answer = self.try_login(KEY);
        assert_eq!(
            (answer.status, header(&answer, "location")),
            (303, Some("/operator"))
        );
        let cookie = header(&answer, "set-cookie").unwrap();
        let mut browser = Browser {
            world: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
            csrf: String::new(),
        };
        let board = browser.get("/operator");
        assert_eq!(board.status, 200);
        browser.csrf = hidden(&board.body, "csrf");
        browser
    }

    pub fn try_login(&self, key: &str) -> Response {
        let headers = [FORM, ("origin", PUBLIC), BROWSER];
        self.ask("POST", "/login", &headers, &format!("key={key}"))
    }

    pub fn token_requests(&self) -> usize {
        self.provider.requests.borrow().len()
    }

    /// Whether a grant is in custody.
    pub fn has_grant(&self) -> bool {
        let record = self.custody.record.borrow();
        record
            .as_ref()
            .is_some_and(|record| !record.contains("\"refresh\":null"))
    }

    fn keeper<T>(
        &self,
        mailbox: &Name,
        ask: impl AsyncFnOnce(
            &Keeper<'_, MemoryCustody, ScriptedProvider, MemoryCache, VirtualClock, SeededEntropy>,
        ) -> T,
    ) -> impl Future<Output = T> {
        let mailbox = &self.config.mailboxes[mailbox];
        let record = mailbox.credential().cache_record();
        let root_key = self.config.root_key.as_ref().unwrap();
        let sealer = Sealer::new(root_key, None, Purpose::Seal);
        let secret = |name: &Option<_>| name.as_ref().and_then(|it| self.config.secret(it));
        async move {
            let keeper = Keeper {
                custody: &self.custody,
                http: &self.provider,
                cache: &self.cache,
                clock: &self.clock,
                entropy: &self.entropy,
                sealer: &sealer,
                flight: &self.flight,
                unsaved: &self.unsaved,
                provider: &mailbox.provider,
                right: mailbox.right,
                client_id: &mailbox.client_id,
                client_secret: secret(&mailbox.client_secret),
                bootstrap: secret(&mailbox.refresh_token),
                record: &record,
            };
            ask(&keeper).await
        }
    }
}

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Somebody who is signed in.
pub struct Browser<'w> {
    pub world: &'w World,
    pub cookie: String,
    pub csrf: String,
}

impl Browser<'_> {
    pub fn get(&self, path: &str) -> Response {
        let headers = [BROWSER, ("cookie", &self.cookie)];
        self.world.ask("GET", path, &headers, "")
    }

    pub fn post(&self, path: &str) -> Response {
        let headers = [FORM, BROWSER, ("cookie", &self.cookie), ("origin", PUBLIC)];
        let body = format!("csrf={}", self.csrf);
        self.world.ask("POST", path, &headers, &body)
    }

    /// Begins to connect; the address of the consent page.
    pub fn connect(&self) -> String {
        let answer = self.post("/mailboxes/sales/connect");
        assert_eq!(answer.status, 303, "{}", answer.body);
        header(&answer, "location").unwrap().to_owned()
    }

    /// Comes back from there with this in the query beside the state.
    pub fn back(&self, consent: &str, rest: &str) -> Response {
        let state = query(consent, "state").unwrap();
        self.get(&format!("/oauth/callback/google?state={state}&{rest}"))
    }
}

pub fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let found = headers.find(|(own, _)| *own == name);
    found.map(|(_, value)| value.as_str())
}

/// The value of a hidden field.
pub fn hidden(html: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = html.split_once(&mark).expect("the field");
    rest.split('"').next().unwrap().to_owned()
}

/// What holds of every page that the operator is shown.
pub fn assert_operators_page(answer: &Response) {
    assert_eq!(
        header(answer, "content-type"),
        Some("text/html; charset=utf-8")
    );
    // From a page with `no-referrer` a browser sends forms with `Origin: null`, which is nobody's.
    let referrer = if answer.body.contains("<form") {
        "same-origin"
    } else {
        "no-referrer"
    };
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", referrer),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(answer, name), Some(value), "{name}");
    }
    let policy = header(answer, "content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("form-action 'self'"), "{policy}");
}

impl Mailboxes for World {
    async fn connect(&self, question: &ConnectQuestion) -> Result<ConnectAnswer, Unreachable> {
        let json = serde_json::to_string(question).unwrap();
        // The code crosses sealed.
        assert!(!json.contains("good"), "{json}");
        let question: ConnectQuestion = serde_json::from_str(&json).unwrap();
        let mailbox = &self.config.mailboxes[&question.mailbox];
        let answer = self.keeper(&question.mailbox, async |keeper| {
            keeper.connect(&question, mailbox, &self.server).await
        });
        let json = serde_json::to_string(&answer.await).unwrap();
        assert!(!json.contains("canary"), "{json}");
        Ok(serde_json::from_str(&json).unwrap())
    }

    async fn disconnect(&self, mailbox: &Name) -> Result<Disconnected, Unreachable> {
        let disconnected = self.keeper(mailbox, async |keeper| keeper.disconnect().await);
        disconnected.await.map_err(|_| Unreachable)
    }

    async fn standing(&self, mailbox: &Name) -> Result<Standing, Unreachable> {
        if self.unreachable.get() {
            return Err(Unreachable);
        }
        // The record here is that of one mailbox.
        if mailbox.as_str() != "sales" {
            return Ok(Standing {
                connected: false,
                failure: None,
                trial: None,
            });
        }
        let standing = self.keeper(mailbox, async |keeper| keeper.standing());
        let standing = standing.await.map_err(|_| Unreachable)?;
        let json = serde_json::to_string(&standing).unwrap();
        Ok(serde_json::from_str(&json).unwrap())
    }

    async fn health(&self, _: &Name) -> Result<Health, Unreachable> {
        self.store.health().map_err(|_| Unreachable)
    }

    async fn resume(&self, mailbox: &Name, epoch: u32) -> Result<(), Unreachable> {
        self.resumed.borrow_mut().push((mailbox.to_string(), epoch));
        self.memory.forget(epoch);
        resume(&self.store, &self.clock).map_err(|_| Unreachable)
    }
}

impl Served for World {
    async fn tell(&self, failure: &Failure) -> Result<(), NotTold> {
        learn(&self.store, &self.drain, &self.alerts, &self.clock, failure).map_err(|_| NotTold)
    }

    async fn resume(&self, epoch: u32) -> Result<(), NotTold> {
        let name = "sales".parse().unwrap();
        Mailboxes::resume(self, &name, epoch)
            .await
            .map_err(|_| NotTold)
    }
}

impl Registrar for World {
    async fn ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, Unreachable> {
        let registry = Registry {
            custody: &self.registry,
            clock: &self.clock,
        };
        registry.answer(question.clone()).map_err(|_| Unreachable)
    }
}

impl Outboxes for World {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        let accepted = accept
            .clone()
            .keep(&self.store, &self.clock, &self.entropy)
            .map_err(|_| OutboxUnavailable)?;
        Ok(Answered {
            accepted,
            rate: None,
        })
    }

    async fn email(&self, _: &Name, _: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn stage(
        &self,
        _: &Name,
        _: EmailId,
        _: Place,
        _: Vec<u8>,
    ) -> Result<(), OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn story(&self, _: &Name, _: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }
}
