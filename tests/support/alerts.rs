//! Ways to the owner in memory, which can fail.

use super::*;

/// Channels that keep what they are told.
pub struct MemoryAlerts {
    pub channels: Vec<Channel>,
    /// When, by what channel, what, and how many messages were waiting.
    pub told: RefCell<Vec<(UnixMillis, Channel, Alert, u64)>>,
    /// Tries of any kind, those that failed included.
    pub tries: Cell<usize>,
    /// Channels that take nothing.
    pub broken: RefCell<Vec<Channel>>,
    /// Channels that never answer.
    pub hanging: RefCell<Vec<Channel>>,
    clock: VirtualClock,
}

impl MemoryAlerts {
    pub fn new(clock: &VirtualClock) -> Self {
        Self {
            channels: vec![Channel::Url],
            told: RefCell::default(),
            tries: Cell::new(0),
            broken: RefCell::default(),
            hanging: RefCell::default(),
            clock: clock.clone(),
        }
    }
}

impl Alerts for MemoryAlerts {
    fn channels(&self) -> &[Channel] {
        &self.channels
    }

    async fn tell(&self, channel: Channel, alert: &Alert, waiting: u64) -> Result<(), NotTold> {
        self.tries.set(self.tries.get() + 1);
        if self.hanging.borrow().contains(&channel) {
            std::future::pending::<()>().await;
        }
        if self.broken.borrow().contains(&channel) {
            return Err(NotTold);
        }
        let told = (self.clock.now(), channel, alert.clone(), waiting);
        self.told.borrow_mut().push(told);
        Ok(())
    }
}

/// An Email Service that keeps what it is given: sender, recipients, subject and text.
#[derive(Default)]
pub struct MemoryEmail {
    pub sent: RefCell<Vec<[String; 4]>>,
    pub broken: Cell<bool>,
}

impl EmailService for MemoryEmail {
    async fn send(
        &self,
        from: &EmailAddress,
        to: &[EmailAddress],
        subject: &str,
        text: &str,
    ) -> Result<(), NotTold> {
        if self.broken.get() {
            return Err(NotTold);
        }
        let to: Vec<&str> = to.iter().map(EmailAddress::as_str).collect();
        let mail = [from.as_str(), &to.join(","), subject, text].map(str::to_owned);
        self.sent.borrow_mut().push(mail);
        Ok(())
    }
}
