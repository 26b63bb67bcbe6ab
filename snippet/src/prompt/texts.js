/**
 * What the prompt says where the site has set nothing else: [text, yes, no].
 *
 * @type {Record<string, [text: string, accept: string, refuse: string]>}
 */
export const TEXTS = {
  en: ['May we remember what you look at in this shop, to serve you better? You can change your mind at any time.', 'Accept', 'Refuse'],
  de: ['Dürfen wir uns merken, was Sie in diesem Shop ansehen, um Ihnen besser zu helfen? Sie können es jederzeit ändern.', 'Zustimmen', 'Ablehnen'],
  es: ['¿Podemos recordar lo que mira en esta tienda, para atenderle mejor? Puede cambiar de opinión cuando quiera.', 'Aceptar', 'Rechazar'],
  fr: ['Pouvons-nous retenir ce que vous regardez dans cette boutique, pour mieux vous servir ? Vous pouvez changer d’avis à tout moment.', 'Accepter', 'Refuser'],
  it: ['Possiamo ricordare ciò che guarda in questo negozio, per servirla meglio? Può cambiare idea in ogni momento.', 'Accetta', 'Rifiuta'],
  nl: ['Mogen wij onthouden wat u in deze winkel bekijkt, om u beter te helpen? U kunt altijd van gedachten veranderen.', 'Toestaan', 'Weigeren'],
}
