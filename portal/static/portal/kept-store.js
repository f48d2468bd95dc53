/* The reports that wait on this device, for pages and for the service worker. */
"use strict";

/* Ask the store for something in a transaction, and return what it answered. */
function inStore(mode, ask) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("civiclens", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("kept", { keyPath: "id" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("kept", mode);
      const asked = ask(transaction.objectStore("kept"));
      transaction.oncomplete = () => { opening.result.close(); resolve(asked.result); };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}
