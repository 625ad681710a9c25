//! Connects to a host and prints the report.
//!
//! `cargo run --example connect` makes its own little internet on loopback. It needs no network and
//! no privileges. `cargo run --example connect -- robur.coop 443 [587 …]` connects to a host.
//! `--timeout SECONDS` bounds the call, `--dns 'tls:192.0.2.53!dns.example'` names the server to
//! ask, `--resolve NAME=ADDRESS` gives the address of a name, `--json` prints the report as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

mod args;
mod internet;

use std::error::Error;
use std::process::ExitCode;

use he::dns::Resolver;
use he::{Attempt, Connector, Report};

use args::Args;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(wrong) if wrong.is_empty() => {
            println!("{}", args::USAGE);
            return Ok(ExitCode::SUCCESS);
        }
        Err(wrong) => {
            eprintln!("{wrong}\n{}", args::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    let Some(host) = &args.host else {
        let internet = internet::Internet::new().await?;
        if !args.json {
            println!("{internet}");
        }
        let resolver = Resolver::plain_servers([internet.name_server()]).without_hosts();
        return connect(resolver, internet::NAME, &[internet.port()], &args).await;
    };
    let resolve =
        |resolver: Resolver, (name, addr): &(String, _)| resolver.with_override(name, [*addr]);
    let resolver = match args.dns.is_empty() {
        true => Resolver::system(),
        false => Resolver::name_servers(args.dns.clone())?,
    };
    let resolver = args.resolve.iter().fold(resolver, resolve);
    connect(resolver, host, &args.ports, &args).await
}

async fn connect(
    resolver: Resolver,
    host: &str,
    ports: &[u16],
    args: &Args,
) -> Result<ExitCode, Box<dyn Error>> {
    let connector = Connector::new(resolver).with_config(args.config);
    // With `Attempt::connect` for a dial, `connect_with` gives a TcpStream and the report.
    match connector.connect_with(host, ports, Attempt::connect).await {
        Ok(established) => {
            show(&established.report, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            show(error.report(), args.json)?;
            eprintln!("{error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn show(report: &Report, json: bool) -> Result<(), Box<dyn Error>> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(report)?),
        false => println!("{report}"),
    }
    Ok(())
}
