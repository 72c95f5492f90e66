//! The spin:* interfaces beside sqlite: generated bindings, variables and an in-memory key-value store.

use crate::sqlite::lock;
use crate::worker::Data;
use std::collections::BTreeMap;
use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Linker, Resource, StreamReader};

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "kyc:spin-host/spin",
        imports: { default: async | trappable },
        with: {
            "spin:sqlite/sqlite.connection": crate::sqlite::Connection,
            "spin:key-value/key-value.store": super::Store,
        },
    });
}

use generated::spin::key_value::key_value;
pub(crate) use generated::spin::sqlite::sqlite;
use generated::spin::variables::variables;

/// The guest's handle of a key-value store: its label.
pub struct Store(String);

/// All key-value stores of an application; they live as long as the host.
pub(crate) type KeyValues = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

pub(crate) fn add_to_linker(linker: &mut Linker<Data>) -> Result<()> {
    sqlite::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    variables::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)?;
    key_value::add_to_linker::<Data, HasSelf<Data>>(linker, |data| data)
}

impl variables::Host for Data {}

impl<T: Send> variables::HostWithStore<T> for HasSelf<Data> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<Result<String, variables::Error>> {
        if !crate::manifest::is_variable_name(&name) {
            return Ok(Err(variables::Error::InvalidName(name)));
        }
        let value = accessor.with(|mut access| access.get().component.variables.get(&name).cloned());
        Ok(value
            .unwrap_or_else(|| Err(format!("no variable `{name}` in the component's manifest")))
            .map_err(variables::Error::Undefined))
    }
}

impl key_value::Host for Data {}

impl key_value::HostStore for Data {
    async fn drop(&mut self, store: Resource<Store>) -> Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send> key_value::HostStoreWithStore<T> for HasSelf<Data> {
    async fn open(accessor: &Accessor<T, Self>, label: String) -> Result<Result<Resource<Store>, key_value::Error>> {
        accessor.with(|mut access| {
            let data = access.get();
            if !data.component.stores.contains(&label) {
                return Ok(Err(key_value::Error::AccessDenied));
            }
            Ok(Ok(data.table.push(Store(label))?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, key_value::Error>> {
        with_store(accessor, &store, |values| values.get(&key).cloned()).map(Ok)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), key_value::Error>> {
        with_store(accessor, &store, |values| drop(values.insert(key, value))).map(Ok)
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Result<(), key_value::Error>> {
        with_store(accessor, &store, |values| drop(values.remove(&key))).map(Ok)
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> Result<Result<bool, key_value::Error>> {
        with_store(accessor, &store, |values| values.contains_key(&key)).map(Ok)
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> Result<(StreamReader<String>, FutureReader<Result<(), key_value::Error>>)> {
        let keys: Vec<String> = with_store(accessor, &store, |values| values.keys().cloned().collect())?;
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok((keys, end))
        })
    }
}

fn with_store<T: Send, R>(
    accessor: &Accessor<T, HasSelf<Data>>,
    store: &Resource<Store>,
    work: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> R,
) -> Result<R> {
    accessor.with(|mut access| {
        let data = access.get();
        let label = &data.table.get(store)?.0;
        Ok(work(lock(&data.app.key_values).entry(label.clone()).or_default()))
    })
}
