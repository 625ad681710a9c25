//! tokio-postgres: `cargo run -p he-plugs --example postgres -- postgresql://me:secret@db.example/app`.

use std::error::Error;
use std::io;

use he::rustls::Tls;
use he::{Attempt, Connector, Established};
use tokio::net::TcpStream;
use tokio_postgres::config::{Config, Host};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// An address wins when PostgreSQL is ready for queries there, TLS and log-in included: one that is
/// starting up or full loses. Of the configuration, user, password, database, options, application name,
/// channel binding and sslmode count (`prefer` goes in clear where the server wants to). Keepalives and
/// user time-outs are in `he::SocketOptions`, other times in `he::Config`; `target_session_attrs` would
/// be one more query in this dial.
pub(crate) async fn connect(
    connector: &Connector,
    tls: &MakeRustlsConnect,
    config: &Config,
    host: &str,
    port: u16,
) -> Result<Established<Client>, he::Error> {
    let dial = |attempt: Attempt| {
        let (config, mut tls) = (config.clone(), tls.clone());
        async move {
            let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, &attempt.host());
            let tcp = attempt.connect().await?;
            config.connect_raw(tcp, tls.map_err(io::Error::other)?).await.map_err(io::Error::other)
        }
    };
    let made = connector.connect_with(host, &[port], dial).await?;
    Ok(made.map(|(client, connection)| {
        tokio::spawn(connection); // its errors are those of the client's queries as well
        client
    }))
}

/// Cancels what this client does, at the very address that it is connected to, which
/// `CancelToken::cancel_query` is not told.
pub(crate) async fn cancel(
    connector: &Connector,
    tls: &MakeRustlsConnect,
    client: &Established<Client>,
    host: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), host)?;
    let tcp = connector.connect_addrs(&[client.addr]).await?;
    Ok(client.stream.cancel_token().cancel_query_raw(tcp, tls).await?)
}

#[tokio::main]
#[allow(dead_code, reason = "a test has this file as a module")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    const USAGE: &str = "usage: postgres postgresql://USER:PASSWORD@HOST[:PORT]/DB [SQL]";
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
        messages = made.stream.simple_query(&sql) => messages?,
        _ = tokio::signal::ctrl_c() => return cancel(&connector, &tls, &made, host).await,
    };
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            println!("{}", row.get(0).unwrap_or("NULL"));
        }
    }
    Ok(())
}
