//! The types of the library, by the schemas that it gives itself.
//!
//! The library knows nothing of OpenAPI. Here each of its types has a name, and the document takes the schema of that
//! name from the library.

use iac_runner::{plan, protocol, session};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident = $type:ty;)*) => {
        $(
            #[doc = concat!("Stands for [`", stringify!($type), "`].")]
            pub(in crate::http) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::T(Object::new().into())
                }
            }

            impl ToSchema for $name {}
        )*

        /// The schemas of all of them, and of what they consist of, by name.
        pub(super) fn schemas() -> Map<String, Value> {
            let mut settings = SchemaSettings::draft2020_12().for_serialize();
            settings.definitions_path = "/components/schemas".into();
            let mut generator = settings.into_generator();
            $(generator.subschema_for::<$type>();)*
            generator.take_definitions(true)
        }
    };
}

words! {
    Operation = session::Operation;
    Phase = session::Phase;
    PlanSummary = plan::PlanSummary;
    Reason = session::Reason;
    Status = session::Status;
    Tool = protocol::Tool;
}
