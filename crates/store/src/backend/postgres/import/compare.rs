//! Whether everything that was read is there, as it was read.

use super::Target;
use super::rows::sum_of_table;
use crate::StoreError;
use crate::backend::migration::{Piece, Progress, Table};
use crate::backend::postgres::connection::{Purpose, query, transaction};
use crate::backend::postgres::error::{Result, open_error};
use crate::backend::postgres::value::{Values, get};

/// What sums need: as long as it takes, and bytes written as they are written here.
const SETTINGS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL bytea_output = hex";

impl Target {
    /// Compares the rows of each table, by number and by a sum over all that is in them, with those that were read.
    ///
    /// # Errors
    /// [`StoreError::Open`] when a table holds something else, or cannot be read.
    pub(in crate::backend) async fn compare(&self, progress: &Progress) -> Result<(), StoreError> {
        let mut compared: Vec<&str> = Vec::new();
        for table in Piece::ALL.map(Piece::table) {
            if compared.contains(&table.name) {
                continue;
            }
            compared.push(table.name);
            let found = self.found(table).await;
            let (rows, sum) =
                found.map_err(|error| open_error(&format!("{} cannot be read again", table.name), &error))?;
            let (written, summed) = progress.of_table(table.name);
            if (rows, sum) != (written, summed) {
                let differs = if rows == written { "their sum differs" } else { "their number differs" };
                return Err(StoreError::Open(format!(
                    "{written} rows were written to {}, and {rows} are there ({differs}): somebody else has written to \
                     the database. Drop the schema `ringback` and run this again",
                    table.name
                )));
            }
        }
        Ok(())
    }

    async fn found(&self, table: &Table) -> Result<(u64, u64)> {
        // For those who read it later, too: what is there, and that all may see it.
        self.client.batch_execute(&format!("VACUUM (ANALYZE) ringback.{}", table.name)).await?;
        let sql = sum_of_table(table);
        let rows = transaction(&self.client, Purpose::Search, async {
            self.client.batch_execute(SETTINGS).await?;
            query(&self.client, &sql, &Values::default()).await
        })
        .await?;
        let Some(row) = rows.first() else { return Ok((0, 0)) };
        let (rows, sum): (i64, i64) = (get(row, 0)?, get(row, 1)?);
        Ok((rows.unsigned_abs(), sum.unsigned_abs()))
    }
}
