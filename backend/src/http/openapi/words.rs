//! Types of the library, with the library's own schemas.
//!
//! The library does not depend on OpenAPI. Each of its types gets a name here, and the document takes the schema of
//! that name from the library.

use iac_runner::{plan, protocol, session};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use utoipa::openapi::{Object, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($($name:ident = $type:ty;)*) => {
        $(
            #[doc = concat!("The words of [`", stringify!($type), "`].")]
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::T(Object::new().into())
                }
            }

            impl ToSchema for $name {}
        )*

        /// Returns the schemas of all these types and of the types they contain, by name.
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
