// Put the chosen template's text into the reply, so that it can be read and changed before it is sent.
document.addEventListener("change", (event) => {
  if (event.target.matches(".reply-template") && event.target.value) {
    event.target.form.elements.text.value = event.target.value;
  }
});
