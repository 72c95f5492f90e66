//! Loaded states in memory, for the next decision: committed ones only, bounded in bytes, loaded on demand.
//!
//! A state holds while its stream is at the generation that it was loaded or committed at. What those who send calls
//! change beside the stream is not in it: whoever drops a call that is being sent finds that out at the commit, and
//! loads again.

use std::hash::Hash;
use std::sync::Arc;

use kyc_core::brand::BrandState;
use kyc_core::command::TemplateNeed;
use kyc_core::customer::CustomerState;
use kyc_core::id::{Brand, CustomerId, CustomerKey, Slug};
use kyc_core::json::Json;
use kyc_core::outbound::relevant;
use kyc_core::rejection::Rejection;
use kyc_core::stream::{Head, StreamKey};
use kyc_core::tenant::SealedSecret;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::app::generations::UnderWay;
use crate::app::{App, refused};
use crate::store::Thing;

/// What a row takes beside its documents.
const ROW_BYTES: u64 = 500;
/// Slugs whose brand is remembered.
const SLUGS_MAX: usize = 1_000;

/// A customer's state, and the generation that it stands on.
pub(super) struct Loaded {
    pub(super) state: Arc<CustomerState>,
    generation: u32,
}

/// What leads to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Sign {
    /// A thing never changes hands.
    Thing(Thing),
    /// An external id may: whether it is still this customer's, the customer's state tells.
    External(Brand, String),
}

/// States, and what leads to them.
pub(super) struct States {
    customers: Held<CustomerKey, CustomerState>,
    brands: Held<(Brand, TemplateNeed), BrandState>,
    secrets: Held<Brand, Vec<SealedSecret>>,
    owners: Cache<Sign, CustomerKey, OwnerBytes>,
    slugs: Cache<Slug, Brand>,
}

impl States {
    /// States of at most so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let part = |parts: u64| bytes / 16 * parts;
        Self {
            customers: Held::new(part(10)),
            brands: Held::new(part(2)),
            secrets: Held::new(part(1)),
            owners: Cache::with_weighter(count(part(3), 150), part(3), OwnerBytes),
            slugs: Cache::new(SLUGS_MAX),
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        let states = self.customers.0.weight() + self.brands.0.weight() + self.secrets.0.weight();
        states + self.owners.weight()
    }
}

fn count(bytes: u64, average: u64) -> usize {
    usize::try_from(bytes / average).unwrap_or(usize::MAX).max(1)
}

impl App {
    /// A customer's state, from memory if it is there.
    pub(super) async fn customer(&self, key: &CustomerKey) -> Result<Loaded, Rejection> {
        let cache = self.cache();
        let generation = cache.map_or(0, |cache| cache.generations.of_customer(key));
        if let Some(state) = cache.and_then(|cache| cache.states.customers.find(key, generation)) {
            return Ok(Loaded { state, generation });
        }
        let state = Arc::new(self.ports.store.customer(key).await.map_err(refused)?);
        Ok(Loaded { state, generation })
    }

    /// A commit to a stream begins.
    pub(super) fn under_way(&self, stream: StreamKey) -> UnderWay<'_> {
        let generations = self.cache().map(|cache| &cache.generations);
        UnderWay::new(generations, stream)
    }

    /// What a customer has become by a commit is where the next decision begins.
    pub(super) fn remember(&self, generation: Option<u32>, before: &Loaded, head: Head, after: CustomerState) {
        let (Some(cache), Some(generation)) = (self.cache(), generation) else {
            return;
        };
        if generation == before.generation.wrapping_add(1) {
            let key = before.state.key.clone();
            let state = CustomerState {
                head,
                deliveries: relevant(&after.deliveries),
                waiting: Vec::new(),
                ..after
            };
            cache.states.customers.put(key, generation, Arc::new(state));
        }
    }

    /// A brand's configuration, from memory if it is there.
    pub(super) async fn brand(&self, brand: &Brand, templates: &TemplateNeed) -> Result<Arc<BrandState>, Rejection> {
        let load = async || {
            self.ports
                .store
                .brand(brand, templates)
                .await
                .map(Arc::new)
                .map_err(refused)
        };
        let Some(cache) = self.cache() else {
            return load().await;
        };
        let generation = cache.generations.of_brand(brand);
        let key = (brand.clone(), templates.clone());
        if let Some(state) = cache.states.brands.find(&key, generation) {
            return Ok(state);
        }
        let state = load().await?;
        cache.states.brands.put(key, generation, state.clone());
        Ok(state)
    }

    /// A brand's sealed secrets, from memory if they are there.
    pub(super) async fn secrets(&self, brand: &Brand) -> Result<Arc<Vec<SealedSecret>>, Rejection> {
        let load = async || self.ports.store.secrets(brand).await.map(Arc::new).map_err(refused);
        let Some(cache) = self.cache() else {
            return load().await;
        };
        let generation = cache.generations.of_brand(brand);
        if let Some(secrets) = cache.states.secrets.find(brand, generation) {
            return Ok(secrets);
        }
        let secrets = load().await?;
        cache.states.secrets.put(brand.clone(), generation, secrets.clone());
        Ok(secrets)
    }

    /// The brand of the tenant with this slug.
    pub(super) async fn tenant_brand(&self, slug: &Slug) -> Result<Option<Brand>, Rejection> {
        let load = async || self.ports.store.tenant_brand(slug).await.map_err(refused);
        let Some(cache) = self.cache() else {
            return load().await;
        };
        // A slug may become another brand's: whether it is still this one's, its configuration tells.
        if let Some(brand) = cache.states.slugs.get(slug) {
            let state = self.brand(&brand, &TemplateNeed::None).await?;
            if state.tenant.as_ref().is_some_and(|tenant| tenant.slug == *slug) {
                return Ok(Some(brand));
            }
        }
        let brand = load().await?;
        if let Some(brand) = &brand {
            cache.states.slugs.insert(slug.clone(), brand.clone());
        }
        Ok(brand)
    }

    /// Whose a thing is.
    pub(super) async fn owner(&self, thing: Thing) -> Result<Option<CustomerKey>, Rejection> {
        let load = async || self.ports.store.locate(thing).await.map_err(refused);
        let Some(cache) = self.cache() else {
            return load().await;
        };
        let sign = Sign::Thing(thing);
        if let Some(owner) = cache.states.owners.get(&sign) {
            return Ok(Some(owner));
        }
        let owner = load().await?;
        if let Some(owner) = &owner {
            cache.states.owners.insert(sign, owner.clone());
        }
        Ok(owner)
    }

    /// Whose an external id is, or else whose number, if that one has no explicit id.
    pub(super) async fn external_owner(
        &self,
        brand: &Brand,
        external_id: &str,
    ) -> Result<Option<CustomerId>, Rejection> {
        let load = async || {
            let owner = self.ports.store.external_owner(brand, external_id).await;
            owner.map_err(refused)
        };
        let Some(cache) = self.cache() else {
            return load().await;
        };
        let sign = Sign::External(brand.clone(), external_id.to_owned());
        if let Some(key) = cache.states.owners.get(&sign) {
            let generation = cache.generations.of_customer(&key);
            let known = cache.states.customers.find(&key, generation);
            let profile = known.as_ref().and_then(|state| state.profile.as_ref());
            if profile.is_some_and(|profile| profile.external_id.as_deref() == Some(external_id)) {
                return Ok(Some(key.customer_id));
            }
        }
        let owner = load().await?;
        if let Some(customer_id) = owner {
            let brand = brand.clone();
            cache.states.owners.insert(sign, CustomerKey { brand, customer_id });
        }
        Ok(owner)
    }
}

/// States of one kind.
struct Held<K, S>(Cache<K, Entry<S>, StateBytes>);

struct Entry<S> {
    state: Arc<S>,
    generation: u32,
    bytes: u64,
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            ..*self
        }
    }
}

impl<K: Hash + Eq, S: Measured> Held<K, S> {
    fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(count(bytes, 2_048), bytes, StateBytes))
    }

    fn find(&self, key: &K, generation: u32) -> Option<Arc<S>> {
        let entry = self.0.get(key)?;
        (entry.generation == generation).then_some(entry.state)
    }

    fn put(&self, key: K, generation: u32, state: Arc<S>) {
        let bytes = state.bytes();
        self.0.insert(
            key,
            Entry {
                state,
                generation,
                bytes,
            },
        );
    }
}

#[derive(Debug, Clone)]
struct StateBytes;

impl<K, S> Weighter<K, Entry<S>> for StateBytes {
    fn weight(&self, _key: &K, entry: &Entry<S>) -> u64 {
        entry.bytes
    }
}

#[derive(Debug, Clone)]
struct OwnerBytes;

impl Weighter<Sign, CustomerKey> for OwnerBytes {
    fn weight(&self, sign: &Sign, owner: &CustomerKey) -> u64 {
        let text = match sign {
            Sign::Thing(_) => 0,
            Sign::External(brand, id) => brand.as_str().len() + id.len(),
        };
        (text + owner.brand.as_str().len()) as u64 + 100
    }
}

/// About how much memory it takes.
trait Measured {
    fn bytes(&self) -> u64;
}

impl Measured for CustomerState {
    fn bytes(&self) -> u64 {
        let rows = self.steps.len() + self.documents.len() + self.log.len() + self.deliveries.len();
        let steps = self.steps.iter().map(|step| {
            let forms = step.requirements.bytes() + step.form_schema.bytes();
            forms + step.answers.as_ref().map_or(0, Json::bytes)
        });
        let calls = self.deliveries.iter().map(|delivery| delivery.body.bytes());
        (rows as u64 + 2) * ROW_BYTES + steps.chain(calls).sum::<u64>()
    }
}

impl Measured for BrandState {
    fn bytes(&self) -> u64 {
        let templates = self.templates.iter();
        let forms = templates.map(|template| template.requirements.bytes() + template.form_schema.bytes());
        (self.templates.len() as u64 + 3) * ROW_BYTES + forms.sum::<u64>()
    }
}

impl Measured for Vec<SealedSecret> {
    fn bytes(&self) -> u64 {
        (self.len() as u64 + 1) * ROW_BYTES
    }
}
