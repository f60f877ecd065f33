//! What a task would do, before somebody starts it.

use ringback_model::{TaskKind, TaskState};

use crate::{Actor, Right, Service, ServiceError, TaskDraft};

/// Parts that are looked at: some thousand messages, which takes well under a second.
const PARTS: usize = 30;

/// How much a task would do, as far as was looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskExtent {
    /// Deliveries that it would make due, or call off.
    pub deliveries: u64,
    /// Messages that were looked at.
    pub looked_at: u64,
    /// There were more messages than that.
    pub is_more: bool,
}

impl Service {
    /// What [`Service::start_task`] would do if it were asked for the same now. Nothing is changed.
    ///
    /// # Errors
    /// Those of [`Service::start_task`].
    pub async fn task_extent(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        kind: TaskKind,
        draft: &TaskDraft,
    ) -> Result<TaskExtent, ServiceError> {
        actor.require(Right::Resend)?;
        let (app, config) = self.endpoint_config(actor, app, endpoint).await?;
        let mut task = self.plan_task(&app, &config, kind, draft).await?;
        if kind == TaskKind::Cancel {
            let deliveries = self.store.backlog(config.no, u32::MAX).await?.pending;
            return Ok(TaskExtent { deliveries, ..TaskExtent::default() });
        }
        for _ in 0..PARTS {
            task = self.part(&app, &config, task).await?.task;
            if task.state != TaskState::Running {
                break;
            }
        }
        Ok(TaskExtent {
            deliveries: task.changed,
            looked_at: task.looked_at,
            is_more: task.state == TaskState::Running,
        })
    }
}
