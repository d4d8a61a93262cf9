// Puts the words of a chosen calendar file into the field beside it, which a browser then sends as text.

const file = document.getElementById("calendar-file");
file.addEventListener("change", async () => {
  if (file.files.length) document.getElementById("calendar-text").value = await file.files[0].text();
});
