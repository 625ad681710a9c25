//! `he` under the clients of others. Recipes are in `examples/`, a file for each client, made to be
//! copied; `tests/` runs them against real servers.
