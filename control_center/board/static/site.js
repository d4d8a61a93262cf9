// A site's page: its live part anew whenever the stream brings it.

import { listen, replaceParts } from "./stream.js";

listen(document.getElementById("site-live").dataset.events, (message) => {
  if (message.whole) replaceParts(message.whole);
});
