//! The handle to a running sandbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::oneshot;

use crate::accounts::{
    AccountSettings, Accounts, Refuse, Secret, TokenFault, TokenRequest, TokenVerdict,
};
use crate::authority::Certificates;
use crate::hook::{HookPost, Hooks};
use crate::inbox::{Delivered, Inbox};
use crate::options::{Options, SampleSite};
use crate::signers::{ServiceAccount, Signer, Signers};
use crate::smtp::port::SmtpPort;
use crate::smtp::record::{ConnectionRecord, Connections};
use crate::smtp::script::{Script, Security};
use crate::sync::lock;
use crate::verifier::Verifier;
use crate::world::{Client, World};
use crate::{SMTP_SCOPE, http, oauth, random, web};

/// Threads for all servers: it is a stand-in, and the tests want the processor.
const THREADS: usize = 2;

/// How long a stop waits for what is still running.
const STOP: Duration = Duration::from_secs(1);

/// A running sandbox. Its servers live on threads of their own; every method may be called from any
/// thread and answers at once, but for [`Sandbox::wait_for_mail`]. Dropping it stops everything.
///
/// Addresses of accounts are compared without regard to case.
pub struct Sandbox {
    world: Arc<World>,
    runtime: Handle,
    smtp: SmtpPort,
    smtps: SmtpPort,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts all servers on 127.0.0.1.
    ///
    /// # Errors
    /// When a port is taken or the system gives no threads.
    pub fn start(options: Options) -> io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let (world, smtp, smtps) = Self::open(&runtime, options)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        // A runtime must not be dropped on a thread of another; this thread is its own.
        let thread = thread::Builder::new()
            .name("edgepost-sandbox".to_owned())
            .spawn(move || {
                // An error means that the handle is gone, which ends the sandbox just as well.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_timeout(STOP);
            })?;
        Ok(Self {
            world,
            runtime: handle,
            smtp,
            smtps,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn open(runtime: &Runtime, options: Options) -> io::Result<(Arc<World>, SmtpPort, SmtpPort)> {
        let _inside = runtime.enter();
        let (web, web_port) = http::listen(options.web_port)?;
        let (https, https_port) = http::listen(options.https_port)?;
        let world = Arc::new(World {
            accounts: Accounts::default(),
            inbox: Inbox::default(),
            connections: Connections::default(),
            certificates: Certificates::generate()?,
            client: Client {
                id: "edgepost-sandbox-client".to_owned(),
                secret: random::opaque("secret-"),
            },
            signers: Signers::default(),
            hooks: Hooks::default(),
            verifier: Verifier::default(),
            web_port,
            https_port,
            smtp_port: OnceLock::new(),
            site: Mutex::new(options.site),
            ports: Mutex::new(BTreeMap::new()),
            runtime: runtime.handle().clone(),
        });
        let tls = http::with_http(&world.certificates.good);
        runtime.spawn(http::serve(web, None, web::router(Arc::clone(&world))));
        runtime.spawn(http::serve(
            https,
            Some(tls),
            oauth::router(Arc::clone(&world)),
        ));
        let submission = |port, security| {
            let (scripts, then) = (Vec::new(), Script::none());
            SmtpPort::open(&world, runtime.handle(), port, security, scripts, then)
        };
        let smtp = submission(options.smtp_port, Security::StartTls)?;
        let smtps = submission(options.smtps_port, Security::Implicit)?;
        let _ = world.smtp_port.set(smtp.port());
        Ok((world, smtp, smtps))
    }

    /// Address of the inbox: `http://localhost:PORT`.
    pub fn web_url(&self) -> String {
        self.world.web_url()
    }

    /// Issuer of the authorization server: `https://localhost:PORT`.
    pub fn issuer(&self) -> String {
        self.world.issuer()
    }

    /// Where the browser goes for consent.
    pub fn authorization_endpoint(&self) -> String {
        format!("{}/authorize", self.issuer())
    }

    /// Another way there, which begins at another origin and is sent on from it.
    pub fn federated_endpoint(&self) -> String {
        format!("https://127.0.0.1:{}/federated", self.world.https_port)
    }

    /// Where codes and refresh tokens are exchanged.
    pub fn token_endpoint(&self) -> String {
        self.world.token_endpoint()
    }

    /// An address that records what is posted to it, under a name that is made up here.
    pub fn hook_url(&self, name: &str) -> String {
        format!("{}/hook/{name}", self.issuer())
    }

    /// What was posted to [`Self::hook_url`], oldest first.
    pub fn hook_posts(&self, name: &str) -> Vec<HookPost> {
        self.world.hooks.of(name)
    }

    /// The authority's certificate, to be trusted by the client under test and by nobody else.
    pub fn ca_pem(&self) -> &str {
        &self.world.certificates.authority_pem
    }

    /// Identifier of the client that has a secret.
    pub fn client_id(&self) -> &str {
        &self.world.client.id
    }

    /// Its secret, another one each run.
    pub fn client_secret(&self) -> &str {
        &self.world.client.secret
    }

    /// The scope SMTP AUTH asks for: [`SMTP_SCOPE`].
    pub fn scope(&self) -> &str {
        SMTP_SCOPE
    }

    /// The default submission port, with STARTTLS; faultless until something is scripted on the page.
    pub fn smtp_port(&self) -> u16 {
        self.smtp.port()
    }

    /// The default submission port with implicit TLS, likewise.
    pub fn smtps_port(&self) -> u16 {
        self.smtps.port()
    }

    /// A submission port of its own: the nth connection gets the nth script, all later ones `then`.
    /// It serves as long as the sandbox, whether or not the answer is kept.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn open_smtp(&self, scripts: Vec<Script>, then: Script) -> io::Result<SmtpPort> {
        self.open_submission(Security::StartTls, scripts, then)
    }

    /// The same with implicit TLS.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn open_smtps(&self, scripts: Vec<Script>, then: Script) -> io::Result<SmtpPort> {
        self.open_submission(Security::Implicit, scripts, then)
    }

    fn open_submission(
        &self,
        security: Security,
        scripts: Vec<Script>,
        then: Script,
    ) -> io::Result<SmtpPort> {
        SmtpPort::open(&self.world, &self.runtime, 0, security, scripts, then)
    }

    /// Adds an account, or changes its settings.
    pub fn add_account(&self, address: &str, settings: AccountSettings) {
        self.world.accounts.add(address, settings);
    }

    /// A refresh token with the SMTP scope, without a browser. Adds the account if there is none.
    pub fn grant(&self, address: &str) -> String {
        self.grant_to(self.client_id(), address)
    }

    /// The same for another client.
    pub fn grant_to(&self, client_id: &str, address: &str) -> String {
        self.world.accounts.grant(client_id, address)
    }

    /// Registers a client that proves who it is by signing with the key of this certificate.
    ///
    /// # Errors
    /// When that is no certificate.
    pub fn add_client(&self, id: &str, certificate_pem: &str) -> io::Result<()> {
        let signer = Signer::of_pem(certificate_pem)?;
        self.world.signers.add_client(id, signer);
        Ok(())
    }

    /// Lets a client send from an account by a right of its own, as a mailbox permission does.
    pub fn let_in(&self, address: &str, client_id: &str) {
        self.world.accounts.let_in(address, client_id);
    }

    /// Adds a service account that signs with the key of this certificate, and may act for every
    /// account within these scopes.
    ///
    /// # Errors
    /// When that is no certificate.
    pub fn add_service_account(
        &self,
        name: &str,
        key_id: &str,
        certificate_pem: &str,
        scopes: &[&str],
    ) -> io::Result<()> {
        let account = ServiceAccount {
            signer: Signer::of_pem(certificate_pem)?,
            key_id: key_id.to_owned(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
        };
        self.world.signers.add_service_account(name, account);
        Ok(())
    }

    /// Looks at assertions of this client or service account by a clock that is ahead.
    pub fn set_clock_ahead(&self, name: &str, by: Duration) {
        self.world.signers.set_clock_ahead(name, by);
    }

    /// Revokes all that was granted so far: refreshing gives `invalid_grant`, and SMTP AUTH refuses
    /// access tokens made before.
    pub fn revoke(&self, address: &str) {
        self.world.accounts.revoke(address);
    }

    /// Ends all access tokens of the account; refresh tokens stay good.
    pub fn expire_access_tokens(&self, address: &str) {
        self.world.accounts.expire_access_tokens(address);
    }

    /// Makes SMTP AUTH refuse good tokens of the account.
    pub fn refuse_tokens(&self, address: &str, refuse: Refuse) {
        self.world.accounts.refuse(address, refuse);
    }

    /// Has SMTP AUTH ask this, with the user and the token, about each token that the sandbox has not
    /// issued. It may block. Without it such tokens are refused.
    pub fn verify_tokens_by(
        &self,
        ask: impl Fn(&str, &str) -> TokenVerdict + Send + Sync + 'static,
    ) {
        self.world.verifier.set(ask);
    }

    /// What the token endpoint does at the account's next requests, one fault each, and at all after
    /// those; `None` is its work. The account is found by the code or refresh token presented, also
    /// when that is used up or revoked. Replaces what was scripted before.
    pub fn script_token_endpoint(
        &self,
        address: &str,
        faults: Vec<TokenFault>,
        then: Option<TokenFault>,
    ) {
        self.world.accounts.script(address, faults, then);
    }

    /// The account's requests to the token endpoint, oldest first.
    pub fn token_requests(&self, address: &str) -> Vec<TokenRequest> {
        self.world.accounts.requests(address)
    }

    /// Shows the sample site under `/site/`, or points its form elsewhere.
    pub fn set_site(&self, site: SampleSite) {
        *lock(&self.world.site) = Some(site);
    }

    /// Every token, code, verifier, state and AUTH response so far, whether or not it was any good: to
    /// be searched for where it must not be.
    pub fn secrets(&self) -> Vec<Secret> {
        self.world.accounts.secrets()
    }

    /// Records of the port's connections, open ones too, oldest first.
    pub fn connections(&self, port: u16) -> Vec<ConnectionRecord> {
        self.world.connections.of(port)
    }

    /// All messages kept, oldest first.
    pub fn inbox(&self) -> Vec<Delivered> {
        self.world.inbox.all()
    }

    /// Messages that came through one port, oldest first.
    pub fn inbox_of(&self, port: u16) -> Vec<Delivered> {
        self.world.inbox.of(port)
    }

    /// The newest message that came through the port, as soon as there is one.
    pub fn wait_for_mail(&self, port: u16, timeout: Duration) -> Option<Delivered> {
        self.wait_for(timeout, |message| message.port == port)
    }

    /// The newest message that `wanted` takes, as soon as there is one. `wanted` must not call the
    /// sandbox.
    pub fn wait_for(
        &self,
        timeout: Duration,
        wanted: impl Fn(&Delivered) -> bool,
    ) -> Option<Delivered> {
        self.world.inbox.wait(timeout, wanted)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("web", &self.web_url())
            .field("issuer", &self.issuer())
            .field("smtp_port", &self.smtp_port())
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
