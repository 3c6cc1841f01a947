//! The Worker in workerd against the sandbox.
//!
//! One sandbox, one Worker for all cases, which run side by side since they mostly wait; a second
//! Worker for what would disturb the others, and a third that others of its account call. Whatever
//! fails, all are stopped at the end.

mod cases;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use edgepost_e2e::leaks::Findings;
use edgepost_e2e::{Around, Case, World};
use edgepost_sandbox::{Options, Sandbox};
use libtest_mimic::{Arguments, Conclusion, Trial};

/// How many cases run at a time. They wait for one another far less than for the Worker, which
/// under wrangler answers about 150 requests a second.
const SIDE_BY_SIDE: usize = 40;

/// A Worker to be, with its cases.
struct Plan {
    name: &'static str,
    cases: Vec<Case>,
    around: fn(&str) -> xtask::Result<Around>,
    world: OnceLock<World>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let plans = Arc::new([
        Plan::new("main", cases::main(), |_| Ok(Around::default())),
        Plan::new("second", cases::second(), |_| Ok(cases::around_second())),
        Plan::new("bound", cases::bound(), cases::around_bound),
    ]);
    if !arguments.list
        && let Err(error) = start(&*plans)
    {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let first = libtest_mimic::run(&arguments, trials(&plans));
    // What it searches is all there only when everything else has ended.
    let last = libtest_mimic::run(&arguments, leak_trials(&plans));
    plans.iter().for_each(|plan| show_log(plan, &first));
    if first.num_failed + last.num_failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Plan {
    fn new(
        name: &'static str,
        cases: Vec<Case>,
        around: fn(&str) -> xtask::Result<Around>,
    ) -> Self {
        Self {
            name,
            cases,
            around,
            world: OnceLock::new(),
        }
    }

    fn world(&self) -> &World {
        self.world.get().expect("the world was started")
    }
}

fn start(plans: &[Plan]) -> xtask::Result<()> {
    xtask::tools::ensure()?;
    xtask::build::ensure_built()?;
    let sandbox = Arc::new(Sandbox::start(Options::default())?);
    std::thread::scope(|scope| {
        let starting: Vec<_> = plans
            .iter()
            .map(|plan| {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    let around = (plan.around)(plan.name)?;
                    let world = World::start(plan.name, sandbox, &plan.cases, around)?;
                    let _ = plan.world.set(world);
                    Ok(())
                })
            })
            .collect();
        starting
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic while starting"))
    })
}

fn trials(plans: &Arc<[Plan; 3]>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (which, plan) in plans.iter().enumerate() {
        for (number, case) in plan.cases.iter().enumerate() {
            let plans = Arc::clone(plans);
            trials.push(Trial::test(case.name.clone(), move || {
                let plan = &plans[which];
                let site = plan.world().site(number);
                (plan.cases[number].check)(&site);
                site.assert_good_conduct();
                Ok(())
            }));
        }
    }
    trials
}

/// They share one search of everything, which is made when the first of them runs.
fn leak_trials(plans: &Arc<[Plan; 3]>) -> Vec<Trial> {
    let findings = Arc::new(OnceLock::new());
    cases::leaks()
        .into_iter()
        .map(|(name, check)| {
            let (plans, findings) = (Arc::clone(plans), Arc::clone(&findings));
            Trial::test(name, move || {
                let search = || {
                    let worlds: Vec<&World> = plans.iter().map(Plan::world).collect();
                    Findings::of(&worlds).map_err(|error| error.to_string())
                };
                match findings.get_or_init(search) {
                    Ok(findings) => {
                        check(findings);
                        Ok(())
                    }
                    Err(error) => Err(error.as_str().into()),
                }
            })
        })
        .collect()
}

/// The Worker's side of a failure.
fn show_log(plan: &Plan, conclusion: &Conclusion) {
    if conclusion.has_failed()
        && let Some(world) = plan.world.get()
    {
        eprintln!(
            "The log of the Worker {}, its last lines:\n{}",
            plan.name,
            world.worker.log_tail(40)
        );
    }
}
