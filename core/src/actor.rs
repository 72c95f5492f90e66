//! Who asks, and what they may see: sessions, brand scopes, access.

use crate::id::{Brand, CustomerKey};
use crate::rejection::Rejection;
use crate::status::Session;

/// The caller, as a verified token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The session value of the token.
    pub session: Session,
    /// The token's subject; a colleague's or customer's name in the audit.
    pub subject: String,
    /// The brands the token may see.
    pub scope: BrandScope,
    /// Whom a customer token speaks for; `None` for all others.
    pub customer: Option<CustomerKey>,
}

/// The brands that a token may see. To it, no other brand exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrandScope {
    /// Every brand.
    All,
    /// These only.
    Only(Vec<Brand>),
}

impl BrandScope {
    /// Whether the brand exists for this token.
    pub fn sees(&self, brand: &Brand) -> bool {
        match self {
            Self::All => true,
            Self::Only(brands) => brands.contains(brand),
        }
    }
}

/// Which sessions may call a command (source: the seed's "Access").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Manager, dealer, admin, CRM manager or CRM admin.
    Manager,
    /// Admin or CRM admin: configuration that changes what is asked of everybody.
    Admin,
    /// The customer itself.
    Customer,
}

impl Access {
    /// The sessions that may.
    pub const fn sessions(self) -> &'static [Session] {
        match self {
            Self::Manager => &[
                Session::Manager,
                Session::Dealer,
                Session::Admin,
                Session::CrmManager,
                Session::CrmAdmin,
            ],
            Self::Admin => &[Session::Admin, Session::CrmAdmin],
            Self::Customer => &[Session::Customer],
        }
    }

    /// Refuses a session that may not.
    pub fn check(self, session: Session) -> Result<(), Rejection> {
        if self.sessions().contains(&session) {
            Ok(())
        } else {
            Err(Rejection::Forbidden("this session may not do that"))
        }
    }
}

impl Actor {
    /// The server's own jobs: expiry by the clock.
    pub fn system() -> Self {
        Self {
            session: Session::System,
            subject: "system".to_owned(),
            scope: BrandScope::All,
            customer: None,
        }
    }

    /// Where the actor's history entries come from.
    pub const fn source(&self) -> &'static str {
        match self.session {
            Session::Customer => "customer",
            Session::System => "system",
            _ => "manager",
        }
    }
}
