# Ce que lisent les exploitants, en français. `en.ftl` dit la même chose en anglais; un test les tient ensemble.
#
# Lexique
#   access            accès                      grant             autorisation
#   bucket            compartiment               hint              conseil
#   claim             revendication              issuer            émetteur
#   catalog           catalogue                  key (config)      clé
#   certificate       certificat                 listener          point d'écoute
#   chunk             fragment                   loopback          boucle locale
#   client            client                     override          substitution
#   configuration     configuration              part              partie
#   custodian         gardien de clé             private key       clé privée
#   data folder       dossier de données         provider          fournisseur
#   endpoint          adresse du fournisseur     root key          clé racine
#   environment       environnement              seal / open       sceller / ouvrir
#   firewall          pare-feu                   secret            secret
#   front             façade                     tenant            établissement
#   gateway           passerelle                 wrap / unwrap     envelopper / désenvelopper

## Étiquettes

label-error = erreur
label-cause = cause
label-hint = conseil
label-see = voir
errors-document = docs/fr/operators/errors.md

## Aide

help-template-usage = Utilisation
help-template-commands = Commandes
help-template-options = Options
help-command-value = COMMANDE
help-about = Chiffre tout ce qui part chez un fournisseur infonuagique, avec des clés qui restent ici
help-demo = Montre la passerelle à l'œuvre sur cette machine, avec des documents fictifs
help-serve = Met la passerelle en service
help-check = Vérifie la configuration et tout ce qu'elle désigne
help-clock = Compare l'horloge du système à la dernière heure connue
help-believe = Croire l'horloge du système dès le prochain démarrage; seulement si vous savez qu'elle est juste
help-scrub = Examine maintenant chaque fragment chez le fournisseur (la passerelle doit être arrêtée)
help-orphans = Lister plutôt ce qui est chez le fournisseur et n'appartient à rien dans le catalogue
help-delete = Supprimer les fragments ainsi trouvés; toute copie du catalogue s'arrête
help-catalog = Gère le fichier du catalogue
help-compact = Rend au disque ce qui est libre dans le fichier du catalogue (la passerelle doit être arrêtée)
help-keys = Gère la clé racine
help-keys-init = Crée la clé racine, le catalogue et ses marques chez les fournisseurs, chacun là où il manque
help-adopt = Pose les marques pour un catalogue de la version 0.1, après examen de quelques-uns de ses fragments
help-new-catalog = Crée un nouveau catalogue même si la clé racine existe : l'ancien n'a jamais existé ou n'est plus nécessaire
help-epoch = Gère l'époque du catalogue
help-take-over = Fait de ce catalogue celui qui peut écrire; toute copie de celui-ci s'arrête
help-other-gateway-is-stopped = Confirme qu'aucune autre passerelle ne fonctionne sur une copie de ce catalogue
help-read-only = Ne sert que les lectures, pour un exercice sur une copie du catalogue à côté de la passerelle en service
help-config = Le fichier de configuration
help-offline = Ne pas interroger le fournisseur
help-quick = N'examiner que quelques lignes du catalogue, quelle que soit sa taille
help-exit = Terminer après la démonstration au lieu de rester en service
help-listen = Adresse et port de la façade S3 de la démonstration
help-data-dir = Dossier de la démonstration; temporaire s'il n'est pas donné
help-lang = Langue des messages : fr ou en
help-help = Afficher l'aide
help-version = Afficher la version
help-value-file = FICHIER
help-value-address = ADRESSE
help-value-folder = DOSSIER
help-value-language = LANGUE

## Ce qu'affichent les commandes

problems-one = Un problème dans { $path }
problems-many = { $count } problèmes dans { $path }
keys-init-done = La clé racine a été écrite dans { $path }.
keys-init-key-there = La clé racine existe déjà : { $path }.
keys-init-catalog = Le catalogue a été créé : { $path }.
keys-init-catalog-there = Le catalogue existe déjà : { $path }.
keys-init-marker = La marque du catalogue a été posée chez le fournisseur { $name }.
keys-init-marker-there = La marque du catalogue est déjà chez le fournisseur { $name }.
keys-init-adopted = La marque du catalogue a été posée chez le fournisseur { $name }, après que { $parts } de ses parties y ont été trouvées et ouvertes.
epoch-taken-over = L'époque { $epoch } est commencée. Ce catalogue peut écrire; une passerelle sur une copie de celui-ci s'arrête d'elle-même.
keys-init-back-up = Sauvegardez ce fichier maintenant, sur deux supports conservés loin de cette machine et de tout fournisseur. Sans lui, rien de ce qui a été entreposé ne pourra plus jamais être lu, par personne.
keys-init-also = Le catalogue ({ $catalog }) est nécessaire lui aussi : la clé racine et le catalogue permettent ensemble de tout rétablir; l'un sans l'autre, rien.
check-ok = bon      { $what }
check-skipped = omis     { $what }
check-warning = attention { $what }
check-configuration = configuration : { $path }
check-certificate = certificat et clé privée : { $path }
check-no-tls = TLS est désactivé : tous les points d'écoute sont sur la boucle locale
check-exposed = d'autres comptes peuvent lire ou écrire { $path } (mode { $mode }) : le démarrage le corrige si le compte de la passerelle en est le propriétaire
check-root-key = clé racine : { $custodian }
check-catalog = catalogue : { $path }
check-catalog-quick = catalogue : { $path }; { $versions } versions et { $parts } clés de parties ont été examinées, prises au hasard. Sans --quick, toutes le sont
check-catalog-free = catalogue : { $free } des { $size } Mio de son fichier sont libres. Ils seront réemployés; seule la commande « ecluse catalog compact » les rend au disque, pendant que la passerelle est arrêtée
check-running = catalogue : { $path } est ouvert par une passerelle; c'est un cliché de ce moment qui est examiné, et rien n'est écrit chez les fournisseurs
check-catalog-migration = catalogue : { $path } a le schéma { $found }, et cette version a le { $known } : le prochain démarrage le change, après en avoir gardé une copie à côté. Ses lignes pourront alors être examinées
check-migration-2 = schéma 2 : la classe d'entreposage de chaque objet est dans les listes
check-migration-3 = schéma 3 : ce qu'il faut à la façade Azure (baux, instantanés, blocs, étiquettes)
check-migration-4 = schéma 4 : des tables et des colonnes pour ce que cette version conserve de plus; les contenus restent tels quels
check-migration-5 = schéma 5 : ce qui est fait d'un coup à de nombreuses versions d'un nom se poursuit par étapes; les contenus restent tels quels
check-migration-6 = schéma 6 : les suppressions en attente sont comptées à leur arrivée et à leur départ; les contenus restent tels quels
check-migration-7 = schéma 7 : les étiquettes des compartiments
check-not-adopted = la version 0.1 a créé ce catalogue : lancez « ecluse keys init --adopt --config FICHIER » avant le prochain démarrage
check-markers = les fournisseurs portent la marque de ce catalogue, son époque est la plus récente, et ils respectent les écritures sans remplacement
check-markers-seen = les fournisseurs portent la marque de ce catalogue, et son époque est la plus récente
catalog-compacted = Le catalogue avait { $before } Mio, dont { $free } libres, et en a maintenant { $after } : { $path }. Ses { $rows } lignes sont toutes telles qu'elles étaient.
clock-nothing-known = horloge : { $system }; aucune heure antérieure n'est connue
clock-believed = horloge : { $system }; la dernière heure connue est { $known }
clock-ahead = horloge : { $system }, mais la dernière heure connue est { $known }. Ce qui est gardé pour un temps l'est selon cette dernière : rien ne finit trop tôt. Si la passerelle était arrêtée et que l'horloge est juste, dites-le avec : ecluse clock --believe
clock-behind = horloge : { $system }, mais la dernière heure connue est { $known }. Ce qui est gardé pour un temps l'est selon cette dernière. Si l'horloge est juste et qu'elle ne l'était pas auparavant, dites-le avec : ecluse clock --believe
clock-is-believed = L'horloge du système est crue dès le prochain démarrage.
check-open-files = fichiers ouverts : { $allowed } sont permis, { $wanted } peuvent être nécessaires
check-open-files-few = fichiers ouverts : { $allowed } sont permis, mais { $wanted } peuvent être nécessaires : augmentez LimitNOFILE ou réduisez limits.connections
check-client-s3-only = client { $id } : pas par la façade Azure, car son { $reason ->
    [id] identifiant n'est pas fait de 3 à 24 lettres minuscules sans accent et chiffres
   *[secret] secret n'est pas en base64
}
check-jwks = clés publiques de { $issuer } : { $place }
check-provider = fournisseur : { $name }
scrub-provider = fournisseur { $name } : { $parts } parties examinées, dont { $faulty } avec un défaut
orphan-chunk = fragment de rien : { $name }
orphan-foreign = pas un fragment : { $name }
orphans-compared = fournisseur { $name } : { $names } noms listés; le catalogue en connaît { $known }, { $young } sont trop récents pour être jugés, { $orphans } fragments n'appartiennent à rien, { $foreign } fichiers ne sont pas des fragments
orphans-deleted = fournisseur { $name } : { $deleted } fragments de rien supprimés, { $left } restent
serve-listening = { $front } écoute sur { $address }

## Ligne de commande

error-usage-unknown-argument = L'argument { $argument } est inconnu
cause-usage-unknown-argument = Cette commande ne le connaît pas.
hint-usage-unknown-argument = « ecluse --help » et « ecluse COMMANDE --help » montrent ce qui existe.
error-usage-unknown-command = La commande { $argument } est inconnue
cause-usage-unknown-command = Écluse connaît les commandes demo, serve, check, scrub, keys init et epoch take-over.
hint-usage-unknown-command = « ecluse --help » indique ce que fait chacune.
error-usage-missing-argument = Il manque quelque chose : { $argument }
cause-usage-missing-argument = La commande ne peut pas s'exécuter sans cela.
hint-usage-missing-argument = Par exemple : ecluse serve --config /etc/ecluse/ecluse.toml
error-usage-missing-command = Quelle commande?
cause-usage-missing-command = Rien n'a été demandé.
hint-usage-missing-command = « ecluse demo » montre la passerelle à l'œuvre; « ecluse --help » énumère les commandes.
error-usage-invalid-value = La valeur { $value } ne convient pas à { $argument }
cause-usage-invalid-value = L'argument attend une autre sorte de valeur, ou sa valeur manque.
hint-usage-invalid-value = « ecluse COMMANDE --help » indique ce qu'il attend. Une adresse s'écrit 127.0.0.1:9000; une langue est fr ou en.
error-usage-other = La ligne de commande n'est pas comprise
cause-usage-other = Un argument figure deux fois, ou là où il n'en faut pas.
hint-usage-other = « ecluse COMMANDE --help » montre comment s'écrit la commande.

## Configuration

error-config-unreadable = le fichier de configuration ne peut pas être lu
cause-config-unreadable = { $reason ->
    [absent] Ce fichier n'existe pas.
    [denied] Le compte de la passerelle n'a pas le droit de le lire.
    [folder] C'est un dossier.
    [encoding] Il n'est pas en UTF-8.
   *[other] La lecture a échoué.
}
hint-config-unreadable = Vérifiez le chemin donné après --config, et que le compte de la passerelle peut lire le fichier.
error-config-syntax = le fichier n'est pas du TOML valide à la ligne { $line }, colonne { $column }
cause-config-syntax = Un guillemet ou un crochet manque à cet endroit ou juste avant, ou une clé figure deux fois.
hint-config-syntax = Corrigez cette ligne. Les textes se placent entre guillemets droits : nom = "valeur".
error-config-environment = cette variable d'environnement n'est pas une substitution
cause-config-environment = Après ECLUSE__ viennent les noms qui forment la clé, séparés par deux traits de soulignement.
hint-config-environment = Par exemple ECLUSE__WRITE__MEMORY pour write.memory, ECLUSE__CLIENT__0__ID pour l'identifiant du premier client.
error-config-unknown-key = cette clé n'existe pas
cause-config-unknown-key = Les clés inconnues sont refusées, pour qu'une faute de frappe ne reste pas sans effet à l'insu de tous.
hint-config-unknown-key = { $similar ->
    [none] Retirez-la, ou cherchez-la dans docs/fr/operators/configuration.md.
   *[other] Vouliez-vous écrire { $similar }?
}
error-config-type = la valeur n'est pas du bon type
cause-config-type = { $shape ->
    [text] Un texte est attendu.
    [number] Un nombre entier, nul ou positif, est attendu.
    [texts] Une liste de textes est attendue.
    [one-or-more] Un texte ou une liste de textes est attendu.
    [pairs] Une section de textes est attendue.
    [table] Une section est attendue.
    [tables] Une liste de sections est attendue.
   *[other] Une autre sorte de valeur est attendue.
}
hint-config-type = Par exemple : { $example }
error-config-missing = cette clé est obligatoire
cause-config-missing = Elle n'a pas de valeur par défaut, ou elle est vide.
hint-config-missing = Par exemple : { $example }
error-config-version = cette version du fichier est inconnue
cause-config-version = Cette passerelle lit la version 1.
hint-config-version = Écrivez : version = 1
error-config-later = cela n'est pas encore offert
cause-config-later = { $feature ->
    [postgres] Les catalogues PostgreSQL viendront avec une version ultérieure.
    [custodian] Les gardiens de clé autres qu'un fichier viendront avec une version ultérieure.
   *[providers] L'emploi de plusieurs fournisseurs viendra avec une version ultérieure.
}
hint-config-later = { $feature ->
    [postgres] Employez SQLite : url = "sqlite:catalog.db"
    [custodian] Employez le gardien de clé « fichier » : custodian = "file"
   *[providers] Ne gardez qu'une seule entrée [[provider]].
}
error-config-choice = ce n'est pas l'une des valeurs possibles
cause-config-choice = Sont possibles : { $choices }.
hint-config-choice = Par exemple : { $example }
error-config-range = la valeur est hors limites
cause-config-range = Le minimum est { $least }, le maximum { $most }.
hint-config-range = Par exemple : { $example }
error-config-size = ce n'est pas une taille
cause-config-size = Une taille est un nombre suivi d'une unité : MiB, GiB, MB, GB.
hint-config-size = Par exemple : { $example }
error-config-duration = ce n'est pas une durée
cause-config-duration = Une durée est un nombre suivi d'une unité : ms, s, min, h, days.
hint-config-duration = Par exemple : { $example }
error-config-name = ce nom n'est pas permis
cause-config-name = { $rule ->
    [client] L'identifiant d'un client compte de 1 à 128 caractères ASCII imprimables, sans espace ni / , =
    [tenant] Un établissement compte de 1 à 64 lettres minuscules sans accent, chiffres, traits d'union, traits de soulignement et points.
    [bucket] Le nom d'un compartiment compte de 3 à 63 lettres minuscules sans accent, chiffres, traits d'union et points, et commence et finit par une lettre ou un chiffre.
    [provider] Le nom d'un fournisseur compte de 1 à 64 lettres minuscules sans accent, chiffres et traits d'union.
   *[region] Une région se compose de lettres minuscules sans accent, de chiffres et de traits d'union.
}
hint-config-name = Par exemple : { $example }
error-config-duplicate = ce nom est employé deux fois
cause-config-duplicate = { $other } porte le même.
hint-config-duplicate = Donnez à chaque entrée un nom qui lui est propre.
error-config-no-listener = aucune façade n'est à l'écoute
cause-config-no-listener = Sans section [s3] ni [azure], aucun client ne peut joindre la passerelle.
hint-config-no-listener = Ajoutez une section [s3] avec listen = "0.0.0.0:9000", ou [azure] avec listen = "0.0.0.0:10000", ou les deux.
error-config-address = ce n'est pas une adresse suivie d'un port
cause-config-address = Une adresse IP et un port sont attendus; les noms d'hôte ne sont pas résolus.
hint-config-address = Par exemple : { $example }. Une adresse IPv6 se place entre crochets : listen = "[::]:9000"
error-config-address-twice = deux points d'écoute ont la même adresse
cause-config-address-twice = { $other } écoute sur le même port de la même adresse.
hint-config-address-twice = Donnez un autre port à l'un des deux.
error-config-plain-listener = un point d'écoute hors de la boucle locale serait sans TLS
cause-config-plain-listener = Les données et les signatures traverseraient le réseau en clair.
hint-config-plain-listener = Retirez mode = "off" et désignez un certificat et sa clé privée dans [tls], ou écoutez sur 127.0.0.1.
error-config-domain = ce n'est pas un nom de domaine
cause-config-domain = Un domaine se compose d'étiquettes faites de lettres minuscules sans accent, de chiffres et de traits d'union, séparées par des points.
hint-config-domain = Par exemple : { $example }
error-config-azure-no-client = aucun client ne peut employer la façade Azure
cause-config-azure-no-client = Un nom de compte Azure a de 3 à 24 lettres minuscules sans accent et chiffres, et une clé de compte est en base64. Aucun client n'a un tel identifiant avec un tel secret.
hint-config-azure-no-client = Donnez à un client un tel identifiant, et un secret créé avec : openssl rand -base64 32. Ou retirez la section [azure].
error-config-copy-source = ce n'est pas un hôte d'où peuvent venir des copies
cause-config-copy-source = Un hôte en minuscules est attendu, avec un port si ce n'est pas 443 : ni https://, ni chemin, ni motif.
hint-config-copy-source = Par exemple : { $example }
error-config-issuer = ce n'est pas l'adresse d'un émetteur
cause-config-issuer = Une adresse qui commence par https:// est attendue, sans nom d'utilisateur, mot de passe, « ? » ni « # ».
hint-config-issuer = Par exemple : { $example }
error-config-issuer-plain = l'émetteur serait joint sans TLS
cause-config-issuer-plain = http:// n'est accepté que pour une adresse de boucle locale : qui peut changer les clés en chemin décide de qui entre.
hint-config-issuer-plain = Écrivez https://
error-config-jwks-source = où sont les clés publiques de l'émetteur?
cause-config-jwks-source = Exactement l'une des clés « file » et « url » dit où elles sont; « ca » ne va qu'avec « url ».
hint-config-jwks-source = Par exemple : { $example }
error-config-claim = ce n'est pas le nom d'une revendication
cause-config-claim = Le nom d'une revendication (claim) a de 1 à { $most } caractères ASCII imprimables, sans espace.
hint-config-claim = Par exemple : { $example }
error-config-oidc-client = ce client ne peut pas employer la façade Azure
cause-config-oidc-client = { $reason ->
    [id] Son identifiant n'est pas un nom de compte : de 3 à 24 lettres minuscules sans accent et chiffres.
    [secret] Son secret n'est pas en base64.
   *[absent] Aucune entrée [[client]] n'a cet identifiant.
}
hint-config-oidc-client = Indiquez l'identifiant d'une entrée [[client]] qui peut employer la façade Azure, ou retirez cette ligne.
error-config-tls-missing = aucun certificat n'est désigné
cause-config-tls-missing = Les points d'écoute emploient TLS, à moins qu'il ne soit désactivé, ce qui n'est possible que sur la boucle locale.
hint-config-tls-missing = Ajoutez à [tls] : certificate = "tls/server.pem" et private_key = "tls/server.key"
error-config-tls-conflict = TLS est désactivé, et ce fichier ne servirait pas
cause-config-tls-conflict = mode = "off" et les certificats s'excluent.
hint-config-tls-conflict = Retirez mode = "off" pour employer TLS, ou retirez cette clé.
error-config-catalog-url = ce n'est pas l'adresse d'un catalogue
cause-config-catalog-url = Un fichier SQLite est attendu, après « sqlite: ».
hint-config-catalog-url = Par exemple : { $example }
error-config-no-provider = aucun fournisseur n'est désigné
cause-config-no-provider = Les fragments n'auraient nulle part où aller.
hint-config-no-provider = Ajoutez une entrée [[provider]], par exemple avec kind = "dir" et path = "/srv/sealed".
error-config-other-kind = cette clé ne convient pas à ce genre de fournisseur
cause-config-other-kind = Un fournisseur du genre { $kind } ne l'emploie pas.
hint-config-other-kind = Retirez-la, ou corrigez le genre (kind).
error-config-path-shared = le dossier du fournisseur contient les fichiers de la passerelle
cause-config-path-shared = Le dossier de données ou le catalogue s'y trouve : les clés et les fragments scellés seraient au même endroit.
hint-config-path-shared = Choisissez un dossier distinct : { $example }
error-config-endpoint = ce n'est pas l'adresse d'un fournisseur
cause-config-endpoint = Une adresse commençant par https:// est attendue, sans nom d'utilisateur, mot de passe, « ? » ni « # ».
hint-config-endpoint = Par exemple : { $example }
error-config-endpoint-plain = le fournisseur serait joint sans TLS
cause-config-endpoint-plain = http:// n'est accepté que pour les adresses de la boucle locale.
hint-config-endpoint-plain = Écrivez https://
error-config-min-copies = ce nombre de copies ne peut pas être conservé
cause-config-min-copies = Il faut au moins une copie, et pas plus de copies que de fournisseurs. Cette version n'a qu'un fournisseur.
hint-config-min-copies = Écrivez : min_copies = 1
error-config-no-client = aucun client n'est désigné
cause-config-no-client = Personne ne pourrait se connecter : il n'y a pas d'accès anonyme.
hint-config-no-client = Ajoutez une entrée [[client]] avec id, tenant, secret et allow.
error-config-secret-inline = un secret figure dans le fichier de configuration
cause-config-secret-inline = Les fichiers de configuration sont copiés, envoyés par courriel et gardés dans un gestionnaire de versions. Les secrets se lisent dans un fichier ou dans l'environnement.
hint-config-secret-inline = Remplacez ce secret, que d'autres ont pu voir, et écrivez : { $example }
error-config-secret-source = où se trouve le secret?
cause-config-secret-source = Une seule des clés « file » et « env » doit l'indiquer.
hint-config-secret-source = Par exemple : { $example }
error-config-secret-unreadable = le fichier du secret ne peut pas être lu
cause-config-secret-unreadable = { $path } : { $reason ->
    [absent] Ce fichier n'existe pas.
    [denied] Le compte de la passerelle n'a pas le droit de le lire.
    [folder] C'est un dossier.
    [encoding] Il n'est pas en UTF-8.
   *[other] La lecture a échoué.
}
hint-config-secret-unreadable = Créez le fichier au nom du compte de la passerelle, avec le mode 0600. Les chemins relatifs partent de data_dir.
error-config-secret-exposed = d'autres comptes ont accès au fichier du secret
cause-config-secret-exposed = { $path } a le mode { $mode }.
hint-config-secret-exposed = Exécutez : chmod 0600 { $path }
error-config-secret-text = le fichier du secret n'est pas un texte
cause-config-secret-text = { $path } n'est pas en UTF-8, ou dépasse 64 Kio.
hint-config-secret-text = Vérifiez que le bon fichier est désigné.
error-config-secret-unset = la variable d'environnement du secret n'est pas définie
cause-config-secret-unset = L'environnement de la passerelle n'a pas cette variable.
hint-config-secret-unset = Définissez-la pour le service, ou employez un fichier : { $example }
error-config-secret-empty = le secret est vide
cause-config-secret-empty = Un secret vide ne protège rien.
hint-config-secret-empty = Créez-en un avec : openssl rand -base64 32
error-config-secret-short = le secret est trop court
cause-config-secret-short = Le secret d'un client compte au moins { $least } caractères.
hint-config-secret-short = Créez-en un avec : openssl rand -base64 32
error-config-secret-base64 = la clé du compte n'est pas en base64
cause-config-secret-base64 = Azure remet les clés de compte en base64.
hint-config-secret-base64 = Copiez de nouveau la clé depuis le portail (Clés d'accès), sans espaces.
error-config-allow-empty = la liste est vide
cause-config-allow-empty = Un client n'a droit qu'à ce qui est énuméré : compartiments et actions.
hint-config-allow-empty = Par exemple : { $example }
error-config-bucket-pattern = ce n'est pas un modèle de nom de compartiment
cause-config-bucket-pattern = Un modèle compte de 1 à 63 lettres minuscules sans accent, chiffres, traits d'union et points, avec * pour une suite de caractères et ? pour un seul.
hint-config-bucket-pattern = Par exemple : { $example }
error-config-prefix = ce n'est pas un préfixe de clé d'objet
cause-config-prefix = Un préfixe compte de 1 à 1 024 octets. Pour toutes les clés, omettez « prefixes ».
hint-config-prefix = Par exemple : { $example }

## Clés

error-root-key-unavailable = La clé racine est hors d'atteinte
cause-root-key-unavailable = Son gardien n'a pas répondu : { $custodian }.
hint-root-key-unavailable = Vérifiez keys.file.path; une nouvelle installation crée sa clé avec « ecluse keys init --config FICHIER ».
error-root-key-unacceptable = La clé racine ne peut pas servir telle quelle
cause-root-key-unacceptable = Le fichier est accessible à d'autres, ou la clé est courte, toute de zéros ou répétée.
hint-root-key-unacceptable = Donnez au fichier le mode 0600. Si la clé elle-même est abîmée, rétablissez-la depuis votre sauvegarde.
error-root-key-wrong = Cette clé racine n'est pas celle du catalogue
cause-root-key-wrong = Le catalogue a été créé avec une autre clé racine et ne s'ouvre pas avec celle-ci.
hint-root-key-wrong = Vérifiez keys.file.path et catalog.url, et rétablissez la clé qui va avec ce catalogue.

## Fonctionnement

error-data-folder = Le dossier de données ne peut pas servir : { $path }
cause-data-folder = Il est impossible de le créer ou d'y écrire.
hint-data-folder = Créez-le au nom du compte de la passerelle, avec le mode 0700.
error-file-exposed = D'autres comptes peuvent lire ou écrire { $path } (mode { $mode })
cause-file-exposed = Il appartient à un autre compte, ou c'est un dossier fait pour être partagé : la passerelle ne le corrige pas.
hint-file-exposed = Réservez-le au compte de la passerelle : chown, puis chmod 0700 pour un dossier et 0600 pour un fichier.
error-certificate-unusable = Le certificat ou sa clé privée ne peut pas servir
cause-certificate-unusable = Un fichier PEM est illisible, ou ne contient ni certificat ni clé : { $path }.
hint-certificate-unusable = Vérifiez les chemins de la section [tls]. Le certificat vient d'abord, puis sa chaîne.
error-certificate-mismatch = La clé privée ne correspond pas au certificat
cause-certificate-mismatch = { $certificate } et { $key } ne forment pas une paire.
hint-certificate-mismatch = Installez le certificat et la clé issus de la même demande.
error-oidc-keys = Les clés publiques de l'émetteur de jetons ne peuvent pas servir : { $place }
cause-oidc-keys = Un fichier est illisible, ou n'est pas ce qu'il devrait être : un JSON Web Key Set, ou un PEM d'autorités; ou d'autres comptes peuvent écrire dans le jeu de clés.
hint-oidc-keys = Vérifiez les chemins de la section [azure.oidc], et que le compte de la passerelle peut lire les fichiers.
error-catalog-unusable = Le catalogue ne peut pas être ouvert : { $path }
cause-catalog-unusable = Il est abîmé, sur un disque plein ou protégé en écriture.
hint-catalog-unusable = Vérifiez le disque et le propriétaire du fichier. Ne le supprimez pas : sans le catalogue, rien ne peut être lu.
error-catalog-not-compacted = Le catalogue n'a pas pu être réduit : { $path }
cause-catalog-not-compacted = Son disque est plein ou protégé en écriture. Rien n'est perdu : le catalogue contient ce qu'il contenait.
hint-catalog-not-compacted = Libérez, sur le disque du catalogue, deux fois l'espace qu'il emploie (ecluse_catalog_used_bytes), puis recommencez.
error-catalog-in-use = Le catalogue est déjà employé : { $path }
cause-catalog-in-use = Une autre passerelle l'a ouvert, peut-être sous un autre nom : un lien mène au même fichier.
hint-catalog-in-use = Arrêtez d'abord cette passerelle. Ne supprimez jamais le fichier qui finit par .lock.
error-catalog-too-new = Le catalogue a été écrit par une version plus récente d'Écluse : { $path }
cause-catalog-too-new = Cette version n'en connaît pas le schéma.
hint-catalog-too-new = Installez la version qui l'a écrit, ou une plus récente.
error-catalog-audit = Le catalogue se contredit : { $path }
cause-catalog-audit = La vérification a trouvé des lignes qui ne concordent pas.
hint-catalog-audit = Arrêtez la passerelle, mettez de côté une copie du catalogue tel quel, puis rétablissez-le depuis votre sauvegarde.
error-scrub-faults = Des fragments manquent ou sont abîmés : { $parts } parties
cause-scrub-faults = Le fournisseur a perdu ou changé ce qui était stocké. Le journal nomme chaque partie.
hint-scrub-faults = Rétablissez les objets à partir de leur source. Demandez au fournisseur ce qui s'est passé, et gardez sa réponse.
error-names-not-listed = Ce qui est chez le fournisseur { $name } ne peut pas être listé jusqu'au bout
cause-names-not-listed = La liste se répète, ne finit pas, ou porte surtout sur ce qui n'est pas à ce catalogue.
hint-names-not-listed = Voyez si le conteneur n'est qu'à ce catalogue. Si c'est le cas, demandez au fournisseur pourquoi sa liste est ainsi.
error-orphans-most = La plupart de ce qui est chez le fournisseur { $name } n'appartient à rien dans ce catalogue : rien n'a été supprimé
cause-orphans-most = Le conteneur est peut-être aussi à un autre catalogue, ou le catalogue est une vieille copie.
hint-orphans-most = Voyez à qui sont les fragments. S'ils ne sont à personne, supprimez ceux qui ont été listés avec les outils du fournisseur.
error-orphans-refused = Le fournisseur { $name } a refusé de supprimer { $refused } fragments
cause-orphans-refused = Une règle à lui les garde peut-être : un verrou, une conservation légale, une rétention.
hint-orphans-refused = Voyez ce que le fournisseur dit d'un des fragments que le journal nomme. Puis relancez la commande.
error-provider-unavailable = Le fournisseur { $name } ne répond pas
cause-provider-unavailable = Le réseau, le fournisseur ou ses identifiants d'accès sont en cause.
hint-provider-unavailable = Vérifiez l'adresse et les identifiants dans [[provider]], et que le pare-feu laisse sortir la passerelle.
error-catalog-absent = Il n'y a pas de catalogue : { $path }
cause-catalog-absent = Un démarrage n'en crée jamais : le fichier a peut-être disparu, ou son disque n'est pas monté.
hint-catalog-absent = Restaurez le catalogue depuis sa sauvegarde. Seule une nouvelle installation en crée un, avec « ecluse keys init --config FICHIER ».
error-catalog-gone = Il y a une clé racine, mais pas de catalogue : { $path }
cause-catalog-gone = La clé racine { $key } existe : il y a donc peut-être eu un catalogue. Un catalogue vide à sa place cacherait tout ce qui a été stocké.
hint-catalog-gone = Restaurez le catalogue depuis sa sauvegarde. S'il n'y en a jamais eu, lancez « ecluse keys init --new-catalog --config FICHIER ».
error-root-key-gone = Il y a un catalogue, mais pas de clé racine : { $key }
cause-root-key-gone = Le catalogue { $path } a été créé avec une clé racine. Une nouvelle n'y ouvrirait rien.
hint-root-key-gone = Restaurez la clé racine depuis sa sauvegarde.
error-catalog-no-identity = Le catalogue n'a pas été préparé : { $path }
cause-catalog-no-identity = Il n'a pas d'identité, et les fournisseurs ne portent pas sa marque.
hint-catalog-no-identity = Lancez « ecluse keys init --config FICHIER ».
error-catalog-not-adopted = Le catalogue est de la version 0.1 : { $path }
cause-catalog-not-adopted = La version 0.1 ne laissait pas de marque chez les fournisseurs : rien n'indique qu'ils appartiennent à ce catalogue.
hint-catalog-not-adopted = Vérifiez que le bon fournisseur est configuré et qu'aucune autre passerelle ne l'utilise. Lancez ensuite « ecluse keys init --adopt --config FICHIER » : la commande examine quelques fragments avant de poser les marques.
error-provider-not-configured = Le fournisseur { $name } n'est pas dans la configuration
cause-provider-not-configured = Le catalogue y a des fragments, qu'on ne pourrait pas lire.
hint-provider-not-configured = Remettez sa section [[provider]], avec le nom qu'elle avait.
error-marker-missing = Le fournisseur { $name } ne porte pas la marque de ce catalogue
cause-marker-missing = Un autre dossier, compartiment ou conteneur est configuré, son disque n'est pas monté, ou son contenu a été supprimé.
hint-marker-missing = Corrigez la configuration ou montez le disque. Pour un fournisseur neuf et vide, lancez « ecluse keys init --config FICHIER ».
error-marker-wrong = La marque chez le fournisseur { $name } n'est pas la sienne
cause-marker-wrong = { $other ->
    [none] Ce qui se trouve à sa place ne s'ouvre pas.
   *[other] Elle a été posée pour le fournisseur { $other } de ce catalogue.
}
hint-marker-wrong = Vérifiez le nom, le chemin, le compartiment et le conteneur dans [[provider]] : chaque fournisseur garde le nom qu'il avait quand sa marque a été posée.
error-epoch-missing = Le fournisseur { $name } ne connaît pas l'époque { $epoch } du catalogue
cause-epoch-missing = Le fournisseur a été remis à un état antérieur, ou c'est une vieille copie : des fragments récents y manquent aussi.
hint-epoch-missing = Configurez le fournisseur qui était utilisé, ou restaurez-le. Voir docs/fr/operators/recovery.md.
error-epoch-stale = Une autre passerelle travaille sur une copie de ce catalogue
cause-epoch-stale = L'époque { $found } a été commencée chez le fournisseur { $name } par { $host } le { $time }; ce catalogue est à l'époque { $ours }. L'un des deux est un clone ou une vieille sauvegarde.
hint-epoch-stale = Décidez lequel des deux peut vivre, et arrêtez l'autre. Si c'est celui-ci : « ecluse epoch take-over --other-gateway-is-stopped --config FICHIER ». Pour un exercice : « ecluse serve --read-only ». Voir docs/fr/operators/recovery.md.
error-epoch-contested = Une autre passerelle travaillait sur une copie de ce catalogue
cause-epoch-contested = { $host } s'y est opposé le { $time } chez le fournisseur { $name } quand l'époque { $ours } a été commencée. Les deux ont cessé d'écrire.
hint-epoch-contested = Décidez lequel des deux peut vivre, et arrêtez l'autre. Redémarrez ensuite celui qui peut vivre, après « ecluse epoch take-over --other-gateway-is-stopped --config FICHIER ». Voir docs/fr/operators/recovery.md.
error-provider-overwrites = Le fournisseur { $name } ne respecte pas les écritures sans remplacement
cause-provider-overwrites = Une seconde écriture avec « If-None-Match: * » a remplacé la première. Deux passerelles sur des copies d'un même catalogue ne se remarqueraient pas.
hint-provider-overwrites = Choisissez un fournisseur, ou une version de son logiciel, qui prend en charge les écritures conditionnelles.
error-provider-claims-all = Le fournisseur { $name } affirme que toutes les époques ont été entamées
cause-provider-claims-all = Il a répondu pour des notes que personne ne peut avoir écrites. Ses réponses ne disent rien de la passerelle qui peut vivre.
hint-provider-claims-all = Vérifiez l'adresse, le compartiment et le conteneur dans [[provider]], et ce qui se trouve entre la passerelle et le fournisseur. Rien n'a été changé.
error-adoption-sample = Le fournisseur { $name } ne détient pas ce que le catalogue connaît
cause-adoption-sample = Sur { $looked } parties examinées, { $missing } n'y sont pas ou ne s'ouvrent pas.
hint-adoption-sample = Vérifiez le chemin, le compartiment et le conteneur dans [[provider]]. Rien n'a été changé.
error-provider-in-use = Le dossier du fournisseur { $name } est déjà utilisé
cause-provider-in-use = Une autre passerelle utilise le même dossier, peut-être sous un autre nom : un lien mène au même dossier.
hint-provider-in-use = Arrêtez d'abord cette passerelle, ou donnez à celle-ci un dossier à elle.
error-listen = Impossible d'écouter sur { $address }
cause-listen = Le port est pris, l'adresse n'est pas celle de cette machine, ou le port est inférieur à 1024 sans le droit de l'employer.
hint-listen = Choisissez un autre port dans la configuration, ou arrêtez ce qui occupe celui-ci.
error-demo = La démonstration a échoué
cause-demo = Une étape n'a pas fait ce qu'elle devait.
hint-demo = Relancez-la; si elle échoue encore, signalez-le en joignant cet affichage.
error-output = L'affichage ne peut pas être écrit
cause-output = Le terminal ou le fichier de destination est fermé.
hint-output = Relancez la commande.
error-log-setting = { $name } vaut { $value }, ce qui n'est pas compris
cause-log-setting = ECLUSE_LOG attend un niveau (error, warn, info, debug, trace); ECLUSE_LOG_FORMAT attend text ou json.
hint-log-setting = Corrigez la variable dans l'environnement du service, ou retirez-la.
error-internal = Écluse a commis une erreur
cause-internal = Il s'est produit quelque chose qui devrait être impossible.
hint-internal = Signalez-le en joignant cet affichage et le journal technique.
