//! The command line.

use std::net::IpAddr;
use std::time::Duration;

use he::Config;

/// What was asked for; without a host, the little internet.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) host: Option<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) config: Config,
    pub(crate) resolve: Vec<(String, IpAddr)>,
    pub(crate) json: bool,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--json" => args.json = true,
                "--timeout" => {
                    let text = value()?;
                    let seconds =
                        text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                    let timeout =
                        seconds.ok_or(format!("--timeout {text}: not a number of seconds"))?;
                    args.config = args.config.total_timeout(timeout);
                }
                "--resolve" => {
                    let text = value()?;
                    let (name, addr) = text
                        .split_once('=')
                        .ok_or(format!("--resolve {text}: not NAME=ADDRESS"))?;
                    let addr = addr.parse().map_err(|e| format!("--resolve {text}: {e}"))?;
                    args.resolve.push((name.to_owned(), addr));
                }
                option if option.starts_with("--") => {
                    return Err(format!("unknown option {option}"));
                }
                host if args.host.is_none() => args.host = Some(host.to_owned()),
                port => args.ports.push(port.parse().map_err(|e| format!("port {port}: {e}"))?),
            }
        }
        Ok(args)
    }
}
