//! A panic in one write.

use super::*;
use crate::catalog::sqlite::schema;

fn put(db: &Connection, name: &str) -> Result<(), CatalogError> {
    db.execute("INSERT INTO setting (name, value) VALUES (?1, x'00')", [name])?;
    Ok(())
}

fn names(db: &Connection) -> Result<Vec<String>, CatalogError> {
    let mut statement = db.prepare("SELECT name FROM setting WHERE name LIKE 'test-%' ORDER BY name")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn a_write_that_panics_is_rolled_back_alone_and_the_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    schema::create(&path).unwrap();
    let lock = Arc::new(schema::lock(&path).unwrap());
    let writer = Arc::new(Writer::start(schema::open(&path).unwrap(), None, lock).unwrap());

    // The first write holds the thread until the others wait: they are one group.
    let (begun, wait) = (Arc::new(tokio::sync::Notify::new()), std::sync::mpsc::channel::<()>());
    let (release, held) = wait;
    let (holder, told) = (Arc::clone(&writer), Arc::clone(&begun));
    let first = tokio::spawn(async move {
        holder
            .run(move |db| {
                told.notify_one();
                let _ended = held.recv();
                put(db, "test-1")
            })
            .await
    });
    begun.notified().await;
    let mut group = Vec::new();
    for number in 2..=4 {
        let writer = Arc::clone(&writer);
        group.push(tokio::spawn(async move {
            writer
                .run(move |db| {
                    put(db, &format!("test-{number}"))?;
                    assert!(number != 3, "of the test");
                    Ok(())
                })
                .await
        }));
    }
    while writer.places.available_permits() > QUEUE - 3 {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    let mut outcomes = Vec::new();
    for write in group {
        outcomes.push(write.await.unwrap());
    }
    assert!(
        matches!(outcomes.as_slice(), [Ok(()), Err(CatalogError::Failed(Failure::Panicked)), Ok(())]),
        "{outcomes:?}"
    );
    assert_eq!(writer.run(names).await.unwrap(), ["test-1", "test-2", "test-4"]);
    writer.close().await;
}
