/**
 * What the offer says where the site has set nothing else: [text, erase, close, erased, failed].
 *
 * @type {Record<string, [text: string, erase: string, close: string, erased: string, failed: string]>}
 */
export const TEXTS = {
  en: ['Nothing more is collected. What was collected from this browser before can be deleted, too.', 'Delete what was collected', 'Close', 'Deleted.', 'That did not work. Please try again later.'],
  de: ['Es wird nichts mehr erfasst. Was vorher von diesem Browser erfasst wurde, kann auch gelöscht werden.', 'Erfasstes löschen', 'Schließen', 'Gelöscht.', 'Das ging nicht. Bitte versuchen Sie es später.'],
  es: ['Ya no se recoge nada. También se puede borrar lo que se recogió antes de este navegador.', 'Borrar lo recogido', 'Cerrar', 'Borrado.', 'No ha sido posible. Inténtelo más tarde.'],
  fr: ['Plus rien n’est collecté. Ce qui a été collecté de ce navigateur peut aussi être effacé.', 'Effacer ce qui a été collecté', 'Fermer', 'Effacé.', 'Cela n’a pas fonctionné. Veuillez réessayer plus tard.'],
  it: ['Non si raccoglie più nulla. Si può anche cancellare ciò che è stato raccolto da questo browser.', 'Cancella i dati raccolti', 'Chiudi', 'Cancellato.', 'Non ha funzionato. Riprovi più tardi.'],
  nl: ['Er wordt niets meer verzameld. Wat van deze browser is verzameld kan ook worden gewist.', 'Verzamelde gegevens wissen', 'Sluiten', 'Gewist.', 'Dat lukte niet. Probeer het later opnieuw.'],
}
