//! Commands that only look.

use bytes::Bytes;
use kyc_core::actor::{Access, Actor};
use kyc_core::command::{AnyList, AnyView, AnyViewBrand, Call, Command, Shown, Target, TemplateNeed};
use kyc_core::id::CustomerKey;
use kyc_core::limits::HISTORY_SHOWN_ROWS;
use kyc_core::query::{Filter, Page, Query, Rows};
use kyc_core::rejection::Rejection;
use serde_json::{Map, Value};

use crate::app::cache::{Cache, Found, Key, Place};
use crate::app::{App, Request, check_visible, refused};
use crate::tokens::Verified;

impl App {
    /// A view's reply, if memory has it and a caller may see it who has just been authenticated: what [`Self::call_by`]
    /// would give, without a wait. Else the data, for that one.
    pub fn remembered(
        &self,
        caller: &Verified,
        command: &'static Command,
        data: Map<String, Value>,
    ) -> Result<Bytes, Map<String, Value>> {
        let data = command.meaningful(data);
        self.peek(&caller.actor, command, &data).ok_or(data)
    }

    fn peek(&self, actor: &Actor, command: &'static Command, data: &Map<String, Value>) -> Option<Bytes> {
        let cache = self.cache().filter(|_| command.is_view)?;
        command.access.check(actor.session).ok()?;
        let entry = cache.peek(&key(actor, command, data).ok()?)?;
        check_visible(actor, &entry.customer, entry.thing).ok()?;
        cache.hit();
        Some(entry.text.clone())
    }

    /// A view's reply from memory, or made and kept there.
    pub(super) async fn cached(&self, cache: &Cache, actor: &Actor, request: Request) -> Result<Bytes, Rejection> {
        let command = request.command;
        let data = command.meaningful(request.data);
        match cache.find(&key(actor, command, &data)?).await {
            Found::Hit(entry) => {
                check_visible(actor, &entry.customer, entry.thing)?;
                cache.hit();
                Ok(entry.text.clone())
            }
            Found::Empty(place) => Box::pin(self.fill(cache, place, actor, command, data)).await,
        }
    }

    /// Makes a view's reply and keeps it.
    async fn fill(
        &self,
        cache: &Cache,
        place: Place<'_>,
        actor: &Actor,
        command: &Command,
        data: Map<String, Value>,
    ) -> Result<Bytes, Rejection> {
        let Call::View(view) = command.read(data)? else {
            return Err(Rejection::Unavailable);
        };
        let target = view.target(actor)?;
        let thing = target.thing();
        let customer = self.locate(actor, target).await?;
        let before = cache.before(&customer);
        let text = self.shown(actor, &customer, view.as_ref()).await?;
        // Copied: what is kept takes no more room than it has bytes. To shrink the text would leave it where it is, for
        // allocators move nothing that is at least half full.
        let text = Bytes::copy_from_slice(text.as_bytes());
        cache.keep(place, before, (customer, thing), text.clone());
        Ok(text)
    }

    pub(super) async fn view(&self, actor: &Actor, view: &dyn AnyView) -> Result<String, Rejection> {
        let key = self.locate(actor, view.target(actor)?).await?;
        self.shown(actor, &key, view).await
    }

    async fn shown(&self, actor: &Actor, key: &CustomerKey, view: &dyn AnyView) -> Result<String, Rejection> {
        let store = &self.ports.store;
        let state = self.customer(key).await?.state;
        let brand = self.brand(&key.brand, &TemplateNeed::None).await?;
        let history = match state.profile.as_ref().filter(|_| view.shows_history()) {
            None => Vec::new(),
            Some(profile) => {
                let page = Page {
                    limit: HISTORY_SHOWN_ROWS,
                    after: None,
                    offset: 0,
                };
                let query = Query {
                    filter: Filter::History(profile.id),
                    scope: actor.scope.clone(),
                    page,
                };
                let mut rows = store.list(&query).await.map_err(refused)?;
                query.cut(&mut rows);
                match rows {
                    Rows::History(rows) => rows,
                    _ => Vec::new(),
                }
            }
        };
        view.show(&Shown {
            state: &state,
            settings: &brand.settings,
            history: &history,
        })
    }

    pub(super) async fn view_brand(&self, actor: &Actor, view: &dyn AnyViewBrand) -> Result<String, Rejection> {
        let brand = Some(view.brand())
            .filter(|brand| actor.scope.sees(brand))
            .ok_or(Rejection::NotFound("brand"))?;
        let state = self.brand(&brand, &TemplateNeed::None).await?;
        Ok(view.show(&state))
    }

    pub(super) async fn list(&self, actor: &Actor, list: &dyn AnyList) -> Result<String, Rejection> {
        let query = list.query(actor)?;
        if let Filter::History(id) = query.filter {
            self.locate(actor, Target::Profile(id)).await?;
        }
        let mut rows = self.ports.store.list(&query).await.map_err(refused)?;
        let next_cursor = query.cut(&mut rows);
        Ok(list.show(rows, next_cursor))
    }
}

/// What a view's reply is kept under.
fn key(actor: &Actor, command: &'static Command, data: &Map<String, Value>) -> Result<Key, Rejection> {
    let own = actor.customer.as_ref().filter(|_| command.access == Access::Customer);
    let own = own.map(|own| format!("{} {} ", own.brand, own.customer_id));
    let mut params = own.unwrap_or_default().into_bytes();
    serde_json::to_writer(&mut params, data).map_err(|_| Rejection::Unavailable)?;
    Ok(Key::new(command.name, params))
}
