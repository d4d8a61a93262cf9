// Takes the page anew every two seconds; says so when the agent does not answer.
async function refresh() {
  const main = document.getElementById("main");
  try {
    const answer = await fetch("/", { cache: "no-store" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.getElementById("main");
    if (answer.ok && next && next.innerHTML !== main.innerHTML) { main.replaceChildren(...next.childNodes); }
    document.title = fresh.title;
  } catch {
    document.title = "? Máy giám sát không trả lời";
    if (!document.getElementById("lost")) {
      const note = document.createElement("p");
      note.id = "lost";
      note.textContent = "Máy giám sát không trả lời; số liệu dưới đây là cũ.";
      main.prepend(note);
    }
  }
}
setInterval(refresh, 2000);
