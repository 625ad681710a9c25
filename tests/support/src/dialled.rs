//! Plays a world on the connector, in tokio's paused time, and counts what is alive.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use he::{Attempt, Connector, Error, Established, Query, Report, Resolving};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use crate::played::Played;
use crate::world::{End, World};

/// What is seen of a connector from outside.
#[derive(Clone)]
pub struct Watch {
    began: Instant,
    log: Arc<Mutex<Vec<String>>>,
    starts: Arc<Mutex<Vec<(u64, SocketAddr)>>>,
    reports: Arc<Mutex<Vec<Report>>>,
    pub dials: Alive,
    pub lookups: Alive,
    pub connections: Alive,
}

/// How many values of a kind are alive: each holds a [`Token`].
#[derive(Clone, Default)]
pub struct Alive(Arc<AtomicUsize>);

/// Held by a value that is counted.
pub struct Token(Alive);

impl Alive {
    pub fn token(&self) -> Token {
        self.0.fetch_add(1, Ordering::Relaxed);
        Token(self.clone())
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a dial gives.
pub struct Connection {
    pub addr: SocketAddr,
    _counted: Token,
}

pub type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<Established<Connection>, Error>> + Send + 'a>>;
type Dial = Pin<Box<dyn Future<Output = io::Result<Connection>> + Send>>;

impl Watch {
    pub fn begins_now() -> Self {
        Self {
            began: Instant::now(),
            log: Arc::default(),
            starts: Arc::default(),
            reports: Arc::default(),
            dials: Alive::default(),
            lookups: Alive::default(),
            connections: Alive::default(),
        }
    }

    /// In ms since the call.
    pub fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// What the connector's hook was given.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub fn tell(&self, what: &str) {
        self.log.lock().unwrap().push(format!("{}ms {what}", self.now()));
    }

    /// Nothing but the winner is left at the end, and lookups for a second after a win.
    async fn is_quiet_after(&self, ended: Result<Established<Connection>, Error>) {
        settle().await;
        assert_eq!(self.dials.count(), 0, "dials that are left");
        assert_eq!(
            self.connections.count(),
            usize::from(ended.is_ok()),
            "connections that are left"
        );
        if ended.is_ok() {
            sleep(Duration::from_millis(1_001)).await;
        }
        assert_eq!(self.lookups.count(), 0, "lookups that are left");
        assert_eq!(tasks(), 0, "tasks that are left");
        assert_eq!(self.reports().len(), 1);
        drop(ended);
        assert_eq!(self.connections.count(), 0);
    }

    fn started(&self, addr: SocketAddr) {
        self.tell(&format!("connect {addr}"));
        self.starts.lock().unwrap().push((self.now(), addr));
    }
}

/// Runs this in a runtime of its own whose time is paused.
pub fn paused<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Lets everything run that can; time stands still.
pub async fn settle() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// How many tasks the runtime has left.
pub fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

impl World {
    /// Plays it on the connector. To be called in a runtime whose time is paused.
    pub async fn run_dialled(&self) -> Played {
        let watch = Watch::begins_now();
        let connector = self.connector(&watch);
        let ended = self.connect(&connector, &watch).await;
        let elapsed = watch.now();
        let (report, error) = match &ended {
            Ok(established) => (established.report.clone(), None),
            Err(error) => (error.report().clone(), Some(error.to_string())),
        };
        match &ended {
            Ok(established) => watch.tell(&format!("connected {}", established.addr)),
            Err(error) => watch.tell(&format!("failed: {}", error.kind())),
        }
        assert_eq!(report.elapsed(), Duration::from_millis(elapsed));
        let attempts = watch.starts.lock().unwrap().clone();
        watch.is_quiet_after(ended).await;
        Played { log: watch.log(), attempts, elapsed, report, error, ties: 0 }
    }

    /// A connector to which this world is real.
    pub fn connector(&self, watch: &Watch) -> Connector {
        let (told, clock) = (watch.clone(), watch.clone());
        let connector = Connector::new(self.resolver(watch))
            .with_config(self.config)
            .with_source_addrs(self.routes.clone().source_addrs(move || clock.now()));
        connector.on_report(move |report| told.reports.lock().unwrap().push(report.clone()));
        match self.gate.clone() {
            Some(gate) => connector.with_gate(move |addr| gate(addr)),
            None => connector,
        }
    }

    fn resolver(&self, watch: &Watch) -> impl Fn(&Query) -> Resolving + use<> {
        let (world, watch) = (self.clone(), watch.clone());
        move |query| {
            watch.tell(&format!("ask {}", query.record()));
            let counted = watch.lookups.token();
            let began = watch.began;
            let answer = world.answer(query.record());
            Resolving::new(async move {
                let _counted = counted;
                let Some((at, lookup)) = answer else { return pending().await };
                if at > 0 {
                    sleep_until(began + Duration::from_millis(at)).await;
                }
                lookup
            })
        }
    }

    /// The call itself.
    pub fn connect<'a>(&self, connector: &'a Connector, watch: &Watch) -> Connecting<'a> {
        let (world, dial) = (self.clone(), self.dial(watch));
        Box::pin(async move {
            match &world.list {
                Some(list) => connector.connect_addrs_with(list, dial).await,
                None => connector.connect_with(&world.host, &world.ports, dial).await,
            }
        })
    }

    fn dial(&self, watch: &Watch) -> impl Fn(Attempt) -> Dial + Send + use<> {
        let (world, watch) = (self.clone(), watch.clone());
        move |attempt| {
            watch.started(attempt.addr());
            let path = world.path_to(attempt.addr());
            let dialling = watch.dials.token();
            let connections = watch.connections.clone();
            Box::pin(async move {
                let _dialling = dialling;
                if let Some(ms) = path.tcp_up {
                    wait(ms).await;
                    attempt.tcp_up();
                }
                let Some((ms, end)) = path.end else { return pending().await };
                wait(ms - path.tcp_up.unwrap_or(0)).await;
                connection(end, attempt.addr(), &connections)
            })
        }
    }
}

fn connection(end: End, addr: SocketAddr, connections: &Alive) -> io::Result<Connection> {
    match end.error() {
        Some(error) => Err(error),
        None => Ok(Connection { addr, _counted: connections.token() }),
    }
}

/// Not even a turn of the runtime if there is nothing to wait for.
async fn wait(ms: u64) {
    if ms > 0 {
        sleep(Duration::from_millis(ms)).await;
    }
}
