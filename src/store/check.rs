//! Whether a database file is sound.
//!
//! At every start: what can be told in a millisecond, whatever is stored ([`length`], [`ends`]). Every page is read where time
//! does not matter: of each backup, and before one is restored ([`every_page`]).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// The schema, and the first and the last row of each table.
pub(super) fn ends(connection: &Connection) -> Result<(), StoreError> {
    for (table, has_rowid) in tables(connection)? {
        // Names out of the schema, whose file is ours: quoted all the same.
        let name = table.replace('"', "\"\"");
        let mut ends = vec![format!("SELECT * FROM \"{name}\" LIMIT 1")];
        if has_rowid {
            ends.push(format!(
                "SELECT * FROM \"{name}\" ORDER BY rowid DESC LIMIT 1"
            ));
        }
        for end in ends {
            let mut statement = connection.prepare(&end)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
    }
    Ok(())
}

/// What every start looks at, of a database that another process may have open. Nothing is written.
pub(crate) fn look(path: &Path) -> Result<(), StoreError> {
    length(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    ends(&connection)
}

/// All pages, all rows, all indexes.
pub(super) fn every_page(connection: &Connection) -> Result<(), StoreError> {
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        // It comes in lines, of which the first only names the database.
        _ => Err(StoreError::Damaged(
            said.lines().collect::<Vec<_>>().join(" "),
        )),
    }
}

fn tables(connection: &Connection) -> Result<Vec<(String, bool)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT name, NOT wr
           FROM pragma_table_list
          WHERE schema = 'main' AND type = 'table'",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Octets of SQLite's file header (sqlite.org/fileformat2.html §1.3).
const HEADER: usize = 100;

/// Whether the file, if there is one, is as long as its header says: one that was cut is found before anything is written
/// to it. While a WAL holds pages the two need not agree.
///
/// To be asked before the database is opened: when a process closes any descriptor of a file, POSIX takes away all its
/// locks on it, and those of SQLite's connections are among them.
pub(super) fn length(path: &Path) -> Result<(), StoreError> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let has_wal = std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0);
    if has_wal || !path.exists() {
        return Ok(());
    }
    let mut header = [0; HEADER];
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        if length >= HEADER as u64 {
            file.read_exact(&mut header)?;
        }
        Ok(length)
    });
    let length = read.map_err(|error| StoreError::CannotOpen(error.to_string()))?;
    if !header.starts_with(b"SQLite format 3\0") {
        // No database at all, or an empty file: SQLite says it better.
        return Ok(());
    }
    let promised = promised_length(&header);
    match length >= promised {
        true => Ok(()),
        false => Err(StoreError::Damaged(format!(
            "{length} octets are left of {promised}"
        ))),
    }
}

/// Page size times pages; 0 where the header does not tell.
fn promised_length(header: &[u8; HEADER]) -> u64 {
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    page * u64::from(pages)
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::OpenOptions;
    use std::io::{Seek, SeekFrom, Write};

    use super::*;
    use crate::domain::Pepper;
    use crate::store::Store;

    /// Writes over some pages in the middle of the file.
    pub(in crate::store) fn damage_the_middle(path: &Path) {
        // Everything is in the file itself first.
        let connection = Connection::open(path).unwrap();
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(connection);
        let middle = std::fs::metadata(path).unwrap().len() / 2 / 4096 * 4096;
        write_over(path, middle, &[0x5a; 3 * 4096]);
    }

    fn write_over(path: &Path, from: u64, octets: &[u8]) {
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(from)).unwrap();
        file.write_all(octets).unwrap();
    }

    fn open(path: &Path) -> Result<(), StoreError> {
        let (store, threads) = Store::open(path, Pepper::new(&[7; 32]))?;
        drop(store);
        threads.join();
        Ok(())
    }

    #[test]
    fn a_sound_database_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        open(&path).unwrap();
        open(&path).unwrap();
    }

    #[test]
    fn a_file_that_was_cut_is_noticed_at_the_start_and_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        open(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let cut = &whole[..whole.len() - 2 * 4096];
        std::fs::write(&path, cut).unwrap();
        let said = open(&path).unwrap_err().to_string();
        assert!(said.contains("damaged"), "{said}");
        assert!(said.contains("cellpost restore"), "{said}");
        assert!(std::fs::read(&path).unwrap() == cut, "it was written to");
    }

    #[test]
    fn a_schema_that_was_written_over_is_noticed_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        open(&path).unwrap();
        // Behind the header of the file, on the page that lists the tables.
        write_over(&path, 100, &[0x5a; 3000]);
        let said = open(&path).unwrap_err().to_string();
        assert!(said.contains("damaged"), "{said}");
    }

    #[test]
    fn a_table_whose_root_was_written_over_is_noticed_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        open(&path).unwrap();
        let root: i64 = Connection::open(&path)
            .unwrap()
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE name = 'message'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        let page = u64::try_from(root - 1).unwrap();
        write_over(&path, page * 4096, &[0x5a; 4096]);
        let said = open(&path).unwrap_err().to_string();
        assert!(said.contains("damaged"), "{said}");
    }

    #[test]
    fn every_page_is_read_when_there_is_time_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (x);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO t SELECT randomblob(100) FROM n",
            )
            .unwrap();
        every_page(&connection).unwrap();
        drop(connection);
        damage_the_middle(&path);
        let found = every_page(&Connection::open(&path).unwrap());
        assert!(matches!(found, Err(StoreError::Damaged(_))), "{found:?}");
    }
}
