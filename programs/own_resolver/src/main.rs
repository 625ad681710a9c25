//! A resolver of the program's own: a closure that answers at once, a closure with a future, a type.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use he::{Answer, Connector, LookupErrorKind, Query, Record, Resolve, Resolving};
use tokio::net::TcpListener;

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A table of names.
struct Table(HashMap<&'static str, IpAddr>);

impl Resolve for Table {
    fn lookup(&self, query: &Query) -> Resolving {
        let found =
            self.0.get(query.name()).filter(|ip| ip.is_ipv4() == (query.record() == Record::A));
        Resolving::ready(match found {
            Some(ip) => Ok(Answer::from(vec![*ip])),
            None => Err(LookupErrorKind::NoRecords.into()),
        })
    }
}

async fn ask(name: String, record: Record) -> Result<Answer, he::LookupError> {
    tokio::task::yield_now().await;
    match (name.as_str(), record) {
        ("db.internal", Record::A) => Ok(Answer::from(vec![IpAddr::from(HERE)])),
        _ => Err(LookupErrorKind::NoSuchName.into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();

    let at_once = Connector::new(|query: &Query| {
        Resolving::ready(match query.record() {
            Record::A => Ok(Answer::from(vec![IpAddr::from(HERE)])),
            _ => Err(LookupErrorKind::NoRecords.into()),
        })
    });
    let later = Connector::new(|query: &Query| {
        Resolving::new(ask(query.name().to_owned(), query.record()))
    });
    let table = Connector::new(Table([("db.internal", HERE.into())].into()));
    for connector in [at_once, later, table] {
        connector.connect("DB.internal", port).await.unwrap();
        let resolved = connector.resolve("db.internal").await.unwrap();
        assert_eq!(resolved.ips().collect::<Vec<_>>(), [IpAddr::from(HERE)]);
    }
}
