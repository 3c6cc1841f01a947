//! A process group: started as one, read as one, stopped as one.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use crate::{Context, Result, paths, tools};

/// How long a group gets between TERM and KILL.
const GRACE: Duration = Duration::from_secs(4);

/// How often a stopping group is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Most lines of output kept; a program in a loop must not fill the memory.
pub const MOST_LINES: usize = 200_000;

type Lines = Arc<Mutex<Vec<String>>>;

/// A command that runs `program` and takes everything it started along when we go, however we go.
/// Its arguments and environment are those of the program.
#[must_use]
pub fn supervised(program: impl AsRef<OsStr>) -> Command {
    let mut command = tools::command("node");
    command
        .arg(paths::root().join("xtask/src/supervisor.mjs"))
        .arg(program);
    command
}

/// A running group. Dropping it stops every member.
#[derive(Debug)]
pub struct Group {
    leader: Mutex<Child>,
    pid: Pid,
    lines: Lines,
    /// The supervisor stops the group when this end is closed, also by our death.
    stdin: Option<ChildStdin>,
}

impl Group {
    /// Starts a command as the leader of a group of its own.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let mut leader = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(|| format!("cannot start {:?}", command.get_program()))?;
        let lines = Lines::default();
        if let Some(stdout) = leader.stdout.take() {
            collect(stdout, Arc::clone(&lines));
        }
        if let Some(stderr) = leader.stderr.take() {
            collect(stderr, Arc::clone(&lines));
        }
        let pid = i32::try_from(leader.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("no process id")?;
        let stdin = leader.stdin.take();
        Ok(Self {
            leader: Mutex::new(leader),
            pid,
            lines,
            stdin,
        })
    }

    /// The process that was started.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Everything the group printed so far, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the leader has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(leader.try_wait(), Ok(None))
    }

    /// SIGKILL to the one member whose command line `is_it`.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn kill_member(&self, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let members = self.members()?;
        let found: Vec<&Pid> = members
            .iter()
            .filter(|(_, arguments)| is_it(arguments))
            .map(|(pid, _)| pid)
            .collect();
        match found.as_slice() {
            [pid] => Ok(kill_process(**pid, Signal::KILL)?),
            others => Err(format!("expected one process to kill, found {}", others.len()).into()),
        }
    }

    /// How many processes of the group run, the leader among them.
    ///
    /// # Errors
    /// If the table of processes cannot be read.
    pub fn size(&self) -> Result<usize> {
        Ok(self.members()?.len())
    }

    /// The processes of the group that run, with their command lines.
    fn members(&self) -> Result<Vec<(Pid, String)>> {
        let table = Command::new("ps")
            .args(["-A", "-ww", "-o", "pid=,pgid=,stat=,args="])
            .output()
            .context(|| "cannot run ps".to_owned())?;
        let table = String::from_utf8_lossy(&table.stdout).into_owned();
        let ours = table.lines().filter_map(|line| {
            let (pid, rest) = line.trim_start().split_once(' ')?;
            let (group, rest) = rest.trim_start().split_once(' ')?;
            let (state, arguments) = rest.trim_start().split_once(' ')?;
            let pid = Pid::from_raw(pid.parse().ok()?)?;
            let ours = group.parse() == Ok(self.pid.as_raw_nonzero().get());
            // Whoever reaps orphans may take its time: those have ended all the same.
            let runs = !state.starts_with('Z');
            (ours && runs).then(|| (pid, arguments.trim_start().to_owned()))
        });
        Ok(ours.collect())
    }

    fn is_alive(&self) -> bool {
        test_kill_process_group(self.pid).is_ok()
    }

    /// Stops every member and waits until none is left. What was printed stays.
    pub fn stop(&self) {
        // An error means that the group is gone, which is what we want.
        let _ = kill_process_group(self.pid, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        // `has_ended` reaps the leader: an unreaped one would count as alive.
        while !self.has_ended() || self.is_alive() {
            if Instant::now() >= deadline {
                let _ = kill_process_group(self.pid, Signal::KILL);
                let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = leader.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stdin = None;
        self.stop();
    }
}

fn collect(source: impl Read + Send + 'static, lines: Lines) {
    std::thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n') {
            let Ok(line) = line else { return };
            let line = plain(String::from_utf8_lossy(&line).trim_end());
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < MOST_LINES {
                lines.push(line);
            }
        }
    });
}

/// Without colours: wrangler paints even for a pipe, and a search must not miss a word for it.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        rest = escape
            .split_once(|c: char| c.is_ascii_alphabetic())
            .map_or("", |(_, after)| after);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::{Group, plain};

    fn until(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}: never");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn members_are_counted_while_they_run_and_killed_one_at_a_time() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 61 & sleep 62 & wait"]);
        let group = Group::spawn(shell).unwrap();
        let runs = |what: &'static str| move |arguments: &str| arguments == what;
        until("three", || group.size().unwrap() == 3);
        assert!(group.kill_member(|_| true).is_err());
        assert!(group.kill_member(runs("sleep 63")).is_err());
        until("started", || group.kill_member(runs("sleep 62")).is_ok());
        // Dead, and whether anybody has reaped it is no matter.
        until("two", || group.size().unwrap() == 2);
        assert!(!group.has_ended());
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(
            plain("\u{1b}[31mX \u{1b}[41;97mERROR\u{1b}[0m ]m"),
            "X ERROR ]m"
        );
    }
}
