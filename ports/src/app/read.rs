//! Commands that only look.

use kyc_core::actor::Actor;
use kyc_core::command::{AnyList, AnyView, AnyViewBrand, Shown, Target, TemplateNeed};
use kyc_core::limits::HISTORY_SHOWN_ROWS;
use kyc_core::query::{Filter, Page, Query, Rows};
use kyc_core::rejection::Rejection;
use serde_json::Value;

use crate::app::{App, refused};

impl App {
    pub(super) async fn view(&self, actor: &Actor, view: &dyn AnyView) -> Result<Value, Rejection> {
        let store = &self.ports.store;
        let key = self.locate(actor, view.target(actor)?).await?;
        let state = store.customer(&key).await.map_err(refused)?;
        let settings = store
            .brand(&key.brand, &TemplateNeed::None)
            .await
            .map_err(refused)?
            .settings;
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
            settings: &settings,
            history: &history,
        })
    }

    pub(super) async fn view_brand(&self, actor: &Actor, view: &dyn AnyViewBrand) -> Result<Value, Rejection> {
        let brand = Some(view.brand())
            .filter(|brand| actor.scope.sees(brand))
            .ok_or(Rejection::NotFound("brand"))?;
        let state = self
            .ports
            .store
            .brand(&brand, &TemplateNeed::None)
            .await
            .map_err(refused)?;
        Ok(view.show(&state))
    }

    pub(super) async fn list(&self, actor: &Actor, list: &dyn AnyList) -> Result<Value, Rejection> {
        let query = list.query(actor)?;
        if let Filter::History(id) = query.filter {
            self.locate(actor, Target::Profile(id)).await?;
        }
        let mut rows = self.ports.store.list(&query).await.map_err(refused)?;
        let next_cursor = query.cut(&mut rows);
        Ok(list.show(rows, next_cursor))
    }
}
