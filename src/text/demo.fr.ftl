# `ecluse demo`.
demo-title = Écluse : une démonstration. Tous les patients sont inventés.
demo-endpoint = Point d'accès S3          { $value }
demo-config = Configuration             { $value }
demo-provider = Dossier du fournisseur    { $value }
demo-storing = Dépôt de documents dans le compartiment « { $bucket } » par TLS, puis relecture…
demo-hospital-sees = Ce que voit l'hôpital
demo-provider-holds = Ce que détient le fournisseur
demo-all-came-back = Chaque document est revenu à l'octet près, avec son type.
demo-came-back-changed = ALTÉRÉ : { $name } n'est pas revenu tel qu'il a été déposé.
demo-searching = Recherche dans tous les noms et octets chez le fournisseur :
demo-found = { $count } trouvé
demo-proven = Le fournisseur ne détient rien de lisible.
demo-disproven = LA DÉMONSTRATION A ÉCHOUÉ : voir ci-dessus. Veuillez le signaler.
demo-try = À vous d'essayer, dans un autre terminal :
demo-serving = En service jusqu'à Ctrl-C.
