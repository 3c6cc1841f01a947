//! The sandbox as a program: starts it, says where it is, stays until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

use edgepost_sandbox::{AccountSettings, Options, SampleSite, Sandbox};

const USAGE: &str = "\
edgepost-sandbox: a stand-in mail provider on 127.0.0.1

usage: edgepost-sandbox [options]
  --web-port N       port of the inbox (default: any free one)
  --https-port N     port of the authorization server (default: any free one)
  --smtp-port N      port of the submission server with STARTTLS (default: any free one)
  --smtps-port N     port of the submission server with implicit TLS (default: any free one)
  --account ADDRESS  an account to begin with; may be repeated
  --form-action URL  show the sample shop, its form posting to URL
  --ca FILE          write the certificate of the sandbox's authority to FILE
";

/// What the command line asks for.
#[derive(Default)]
struct Arguments {
    options: Options,
    accounts: Vec<String>,
    ca: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = match parse(env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("edgepost-sandbox: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edgepost-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when only help was asked for.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments::default();
    while let Some(flag) = words.next() {
        if flag == "--help" || flag == "-h" {
            return Ok(None);
        }
        let mut value = || words.next().ok_or_else(|| format!("{flag} needs a value"));
        let port = |value: String| {
            value
                .parse::<u16>()
                .map_err(|_| format!("{flag}: {value} is no port"))
        };
        match flag.as_str() {
            "--web-port" => arguments.options.web_port = port(value()?)?,
            "--https-port" => arguments.options.https_port = port(value()?)?,
            "--smtp-port" => arguments.options.smtp_port = port(value()?)?,
            "--smtps-port" => arguments.options.smtps_port = port(value()?)?,
            "--account" => arguments.accounts.push(value()?),
            "--form-action" => {
                arguments.options.site = Some(SampleSite {
                    form_action: value()?,
                })
            }
            "--ca" => arguments.ca = Some(value()?.into()),
            _ => return Err(format!("unknown option {flag}")),
        }
    }
    Ok(Some(arguments))
}

fn run(arguments: Arguments) -> io::Result<()> {
    let with_site = arguments.options.site.is_some();
    let sandbox = Sandbox::start(arguments.options)?;
    if let Some(path) = &arguments.ca {
        fs::write(path, sandbox.ca_pem())?;
    }
    for account in &arguments.accounts {
        sandbox.add_account(account, AccountSettings::default());
    }
    println!("inbox           {}", sandbox.web_url());
    if with_site {
        println!("sample shop     {}/site/", sandbox.web_url());
    }
    println!("issuer          {}", sandbox.issuer());
    println!(
        "submission      localhost:{} (STARTTLS)",
        sandbox.smtp_port()
    );
    println!(
        "                localhost:{} (implicit TLS)",
        sandbox.smtps_port()
    );
    println!("faults          {}/faults", sandbox.web_url());
    println!("client id       {}", sandbox.client_id());
    println!("client secret   {}", sandbox.client_secret());
    println!("scope           {}", sandbox.scope());
    println!("Ctrl-C stops it.");
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(tokio::signal::ctrl_c())
}
