//! The client against real listeners on the loopback interface. Names are answered by a resolver of the tests.

mod bounds;
mod calls;
mod refusals;
mod support;
mod tls;
