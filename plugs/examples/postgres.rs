//! tokio-postgres: `cargo run -p he-plugs --example postgres --
//! 'postgresql://me:secret@db.example/app?sslmode=require'`.

use std::error::Error;
use std::io;

use he::rustls::Tls;
use he::{Attempt, Connector, Established};
use tokio::net::TcpStream;
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A client, and the name that its server's certificate has to be for.
pub(crate) struct Session {
    pub(crate) client: Client,
    host: String,
}

/// An address wins when PostgreSQL is ready for queries there, TLS and log-in included: one that is
/// starting up or full loses, and a wrong password is tried at every address. Of the configuration,
/// user, password, database, options, application name, channel binding, sslmode and sslnegotiation
/// count. Keepalives and user time-outs are in `he::SocketOptions`, other times in `he::Config`;
/// `target_session_attrs` would be one more query in this dial.
///
/// `sslmode=require` verifies the whole name already; `verify-full` and `sslrootcert` are not known
/// to tokio-postgres, and a provider's own CA goes into `Trust`. `prefer`, which is the default, is
/// refused: who says that there is no TLS would get the password. `sslnegotiation=direct` needs
/// `tls.with_alpn(["postgresql"])`.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &MakeRustlsConnect,
    config: &Config,
    host: &str,
    port: u16,
) -> Result<Established<Session>, he::Error> {
    let dial = |attempt: Attempt| {
        let (config, mut tls, host) = (config.clone(), tls.clone(), attempt.host());
        async move {
            if !matches!(config.get_ssl_mode(), SslMode::Require | SslMode::Disable) {
                return Err(io::Error::other("sslmode has to be require, or else disable"));
            }
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, &host);
            let tcp = attempt.connect().await?;
            let made = config.connect_raw(tcp, tls.map_err(io::Error::other)?).await;
            made.map(|made| (made, host)).map_err(io::Error::other)
        }
    };
    let made = connector.connect_with(host, port, dial).await?;
    Ok(made.map(|((client, connection), host)| {
        tokio::spawn(async {
            // Queries are told that it is closed, but not why.
            connection.await.unwrap_or_else(|error| eprintln!("{error}"));
        });
        Session { client, host }
    }))
}

/// Cancels what this client does, at the very address that it is connected to, which
/// `CancelToken::cancel_query` is not told.
pub(crate) async fn cancel(
    connector: &Connector,
    tls: &MakeRustlsConnect,
    made: &Established<Session>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Session { client, host } = &made.stream;
    let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), host)?;
    let tcp = connector.connect_addrs(made.addr).await?;
    Ok(client.cancel_token().cancel_query_raw(tcp, tls).await?)
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    const USAGE: &str =
        "usage: postgres 'postgresql://USER:PASSWORD@HOST[:PORT]/DB?sslmode=require' [SQL]";
    let mut args = std::env::args().skip(1);
    let config: Config = args.next().ok_or(USAGE)?.parse()?;
    let sql = args.next().unwrap_or("SELECT version()".to_owned());
    let [Host::Tcp(host)] = config.get_hosts() else { return Err(USAGE.into()) };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let tls = MakeRustlsConnect::new((*Tls::default().client_config()?).clone());
    let connector = Connector::default();
    let made = connect(&connector, &tls, &config, host, port).await?;
    println!("{}", made.report);
    let messages = tokio::select! {
        messages = made.stream.client.simple_query(&sql) => messages?,
        _ = tokio::signal::ctrl_c() => return cancel(&connector, &tls, &made).await,
    };
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            println!("{}", row.get(0).unwrap_or("NULL"));
        }
    }
    Ok(())
}
