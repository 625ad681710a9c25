//! The command line.

use std::net::IpAddr;
use std::time::Duration;

use he::Config;
use he::dns::NameServer;

pub(crate) const USAGE: &str = "\
usage: connect [HOST PORT [PORT …]] [--timeout SECONDS] [--dns SERVER] [--resolve NAME=ADDRESS] [--json]
A SERVER is IP[:port], udp:…, tcp:…, or tls:IP[:port][!hostname][!pin…]; --dns may stand several times.
Put a SERVER in single quotes: shells take ! for history.
Without a host it makes its own little internet on loopback.";

/// The arguments. Without a host, the example makes its own internet.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) host: Option<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) config: Config,
    pub(crate) dns: Vec<NameServer>,
    pub(crate) resolve: Vec<(String, IpAddr)>,
    pub(crate) json: bool,
}

impl Args {
    /// `Err` is the error text. It is empty if the user asked for help.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "-h" | "--help" => return Err(String::new()),
                "--json" => args.json = true,
                "--timeout" => args.timeout(&value()?)?,
                "--dns" => args.dns.push(value()?.parse().map_err(text)?),
                "--resolve" => args.resolve.push(resolve(&value()?)?),
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                host if args.host.is_none() => args.host = Some(host.to_owned()),
                port => args.ports.push(port.parse().map_err(|e| format!("port {port}: {e}"))?),
            }
        }
        if args.host.is_none() && !(args.resolve.is_empty() && args.dns.is_empty()) {
            return Err("--dns and --resolve go with a host".to_owned());
        }
        Ok(args)
    }

    fn timeout(&mut self, text: &str) -> Result<(), String> {
        let seconds = text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
        let timeout = seconds.ok_or(format!("--timeout {text}: not a number of seconds"))?;
        self.config = self.config.with_total_timeout(timeout);
        Ok(())
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn resolve(text: &str) -> Result<(String, IpAddr), String> {
    let (name, addr) = text.split_once('=').ok_or(format!("--resolve {text}: not NAME=ADDRESS"))?;
    let bare = addr.trim_start_matches('[').trim_end_matches(']');
    let addr = bare.parse().map_err(|e| format!("--resolve {text}: {e}"))?;
    Ok((name.to_owned(), addr))
}
