//! What plan and apply promise.

use crate::fixture::World;

#[tokio::test]
async fn an_applied_database_has_an_empty_plan() {
    let world = World::bare().await;
    assert!(!world.plan().await.is_empty());
    world.apply().await;
    let plan = world.plan().await;
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}
